//! A walk over the nodes of a tree, to count or to free them.

use bytemuck::Pod;

use super::branch::NodeRef;
use super::lookup::{MAX_HEIGHT, Tree};
use super::slot::NodePtr;
use crate::types::key::Key;

impl<K: Key, V: Pod> Tree<K, V> {
    /// Calls `visit` with the nodes born after version `after`, or with all nodes if `after` is `None`.
    /// Children come before their parents.
    ///
    /// Costs O(those nodes and their children): all nodes below an older node are older (I5 of
    /// [`tree`](super)).
    pub(crate) fn for_each_node(&self, after: Option<u64>, visit: &mut dyn FnMut(NodePtr)) {
        let is_wanted = |node: &NodeRef<'_, K, V>| after.is_none_or(|after| node.birth() > after);
        let Some(root) = self.root().filter(is_wanted) else {
            return;
        };
        // The nodes from the root to the current one, and how many of their children were visited.
        let mut path = [(root, 0); MAX_HEIGHT];
        let mut depth = 0;
        loop {
            let (node, done) = path[depth];
            if let NodeRef::Branch(branch) = node
                && done < branch.len()
            {
                path[depth].1 += 1;
                if let Some(child) = Some(branch.child(done)).filter(is_wanted) {
                    depth += 1;
                    path[depth] = (child, 0);
                }
                continue;
            }
            visit(node.ptr());
            let Some(above) = depth.checked_sub(1) else {
                return;
            };
            depth = above;
        }
    }
}
