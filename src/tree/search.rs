//! Searching the entries of one node.

/// How many of some entries are before a place, given that they are those at the front.
///
/// Looks at the last entry of every block of them, and then at a block, instead of bisecting: these
/// looks do not wait for one another, and none of them is a branch that nobody can predict.
#[inline]
pub(super) fn count_before<T>(entries: &[T], is_before: impl Fn(&T) -> bool) -> usize {
    // About the root of a leaf's capacity.
    let block = const { if size_of::<T>() > 8 { 8 } else { 16 } };
    let lasts = entries.chunks_exact(block).map(|block| &block[block.len() - 1]);
    let before = lasts.map(|entry| usize::from(is_before(entry))).sum::<usize>() * block;
    let rest = &entries[before..];
    let here = rest.iter().take(block).map(|entry| usize::from(is_before(entry)));
    before + here.sum::<usize>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_in_every_length_and_place() {
        for length in 0..70 {
            let entries: Vec<usize> = (0..length).collect();
            for place in 0..=length {
                assert_eq!(count_before(&entries, |entry| *entry < place), place);
            }
            let wide: Vec<[usize; 2]> = (0..length).map(|entry| [entry, 7]).collect();
            for place in 0..=length {
                assert_eq!(count_before(&wide, |entry| entry[0] < place), place);
            }
        }
    }
}
