//! Walking the nodes of a tree, for counting and for the end of everything.

use super::node::NodeRef;
use super::slot::NodePtr;
use super::{MAX_HEIGHT, Tree};
use crate::key::Key;

impl<K: Key> Tree<K> {
    /// Calls `visit` with the nodes born after version `after`, children before their parents.
    /// `None` stands for all nodes.
    ///
    /// Costs those nodes and their children: below a node of an older version there are older nodes
    /// only (I5).
    pub(crate) fn for_each_node(&self, after: Option<u64>, visit: &mut dyn FnMut(NodePtr)) {
        let is_wanted = |node: &NodeRef<'_, K>| after.is_none_or(|after| node.birth() > after);
        let Some(root) = self.root().filter(is_wanted) else {
            return;
        };
        // The nodes from the root to here, and how many of their children were done.
        let mut path = [(root, 0); MAX_HEIGHT];
        let mut depth = 0;
        loop {
            let (node, done) = path[depth];
            if node.level() > 0 && done < node.len() {
                path[depth].1 += 1;
                if let Some(child) = Some(node.child(done)).filter(is_wanted) {
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
