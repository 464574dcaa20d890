//! Search in the entries of one node.

/// The number of leading entries for which `is_before` holds. It holds for no entry after these.
///
/// Compares the last entry of every block, and then the entries of one block, instead of bisecting: the
/// comparisons do not wait for one another, and none of them is an unpredictable branch.
#[inline]
pub(super) fn partition_point<T>(entries: &[T], is_before: impl Fn(&T) -> bool) -> usize {
    // About the square root of a leaf's capacity.
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
    fn every_place_is_found_in_every_length() {
        for length in 0..if cfg!(miri) { 20 } else { 70 } {
            let entries: Vec<usize> = (0..length).collect();
            for place in 0..=length {
                assert_eq!(partition_point(&entries, |entry| *entry < place), place);
            }
            let wide: Vec<[usize; 2]> = (0..length).map(|entry| [entry, 7]).collect();
            for place in 0..=length {
                assert_eq!(partition_point(&wide, |entry| entry[0] < place), place);
            }
        }
    }
}
