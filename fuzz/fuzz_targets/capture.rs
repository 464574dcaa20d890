//! The input as a packet capture: no panic, every frame is counted once, memberships are
//! at most in proportion to the input.

#![cfg_attr(fuzzing, no_main)]

use groupscan_sources::{Naming, Replay};

groupscan_fuzz::target!(|bytes: &[u8]| {
    let mut replay = Replay::new();
    // Twice under one name: the second capture continues the first.
    for _ in 0..2 {
        let _ = replay.read_capture(bytes, "fuzz", Naming::Capture);
        let stats = replay.stats();
        let accounted = stats.messages.total() + stats.foreign.total() + stats.rejected.total();
        assert_eq!(accounted, stats.frames);
        let mut last = None;
        for membership in replay.memberships() {
            let at = (membership.interface, membership.group, membership.source);
            assert!(last.replace(at) < Some(at), "ascending, each once");
            assert!(membership.group.is_multicast());
            assert!(!membership.source.is_multicast());
            assert!(replay.interface_name(membership.interface.index).is_some());
        }
        // A membership takes at least 4 bytes of input: a source in a group record.
        assert!(replay.memberships().count() <= bytes.len() / 4);
    }
});
