//! Any bytes as a capture: no panic, every frame accounted for, memory in proportion to the input.

#![no_main]

use groupscan::input::{Naming, Replay};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let mut replay = Replay::new();
    // Twice under one name: the second capture goes on where the first one ended.
    for _ in 0..2 {
        let _ = replay.read_capture(bytes, "fuzz", Naming::Capture);
        let counts = replay.counts();
        let accounted = counts.messages.total() + counts.foreign.total() + counts.rejected.total();
        assert_eq!(accounted, counts.frames);
        let mut last = None;
        for membership in replay.memberships() {
            // A membership takes 4 bytes of input at least: a source in a group record.
            let at = (membership.interface, membership.group, membership.source);
            assert!(last.replace(at) < Some(at), "ascending, each once");
            assert!(membership.group.is_multicast());
            assert!(!membership.source.is_multicast());
            assert!(replay.interface_name(membership.interface.index).is_some());
        }
        assert!(replay.memberships().count() <= bytes.len() / 4);
    }
});
