//! Random calls on an implementation and on the model: the results must be equal.

use groupscan::manager::code::NO_ERROR;

use super::model::Model;
use super::{Entry, HOST, InterfaceOf, Mgm, address};

/// The bytes that determine a call.
pub type Step = [u8; 6];

const PROTOCOLS: [u32; 4] = [10, 0x0137_000a, 0x20, 0x0137_0020];
const SOURCES: [u32; 4] = [0, address(10, 0, 0, 1), address(10, 0, 0, 2), address(192, 168, 0, 1)];
const GROUPS: [u32; 8] = [
    0,
    address(224, 0, 0, 0),
    address(224, 0, 0, 251),
    address(232, 1, 1, 1),
    address(239, 0, 1, 0),
    address(239, 255, 255, 255),
    address(240, 0, 0, 0),
    address(10, 1, 1, 1),
];
const MASKS: [u32; 4] = [HOST, 0, address(255, 0, 0, 0), 1];
const CANARY: u8 = 0x5a;

/// An implementation, the model, and their pairs of handles.
pub struct Comparison<'m> {
    mgm: &'m mut dyn Mgm,
    model: Model,
    /// The model's handle and the implementation's.
    handles: Vec<(u64, u64)>,
}

fn pick<T: Copy>(of: &[T], by: u8) -> T {
    of[usize::from(by) % of.len()]
}

fn interface_of(by: u8) -> InterfaceOf {
    ((by % 3).into(), pick(&[0, 0, address(192, 0, 2, 1)], by / 3))
}

/// An entry, mostly a valid one.
fn entry_of(source: u8, group: u8) -> Entry {
    let (address, group_address) = (pick(&SOURCES, source), pick(&GROUPS, group));
    let mask = |address: u32, by: u8| match by {
        0..240 => u32::from(address != 0) * HOST,
        _ => pick(&MASKS, by),
    };
    [address, mask(address, source), group_address, mask(group_address, group)]
}

impl<'m> Comparison<'m> {
    pub fn new(mgm: &'m mut dyn Mgm) -> Self {
        Self { mgm, model: Model::default(), handles: Vec::new() }
    }

    /// A pair of handles: live or stale, of either kind, and sometimes forged.
    fn handle(&self, by: u8) -> (u64, u64) {
        let by = usize::from(by);
        match self.handles.len() {
            count if by < 8 || count == 0 => (by as u64, by as u64),
            count => self.handles[count - 1 - by % count.min(24)],
        }
    }

    fn note(&mut self, issued: (Result<u64, u32>, Result<u64, u32>)) {
        match issued {
            (Ok(model), Ok(handle)) => {
                let is_new = self.handles.iter().all(|(_, issued)| *issued != handle);
                assert!(is_new, "a handle was issued twice");
                self.handles.push((model, handle));
            }
            (expected, found) => assert_eq!(found, expected),
        }
    }

    /// Makes a call.
    pub fn step(&mut self, [call, handle, a, b, c, d]: Step) {
        let (expected, handle) = self.handle(handle);
        let (mgm, model) = (&mut *self.mgm, &mut self.model);
        let (entry, interface, flags) = (entry_of(a, b), interface_of(c), u32::from(d) % 5);
        match call % 16 {
            0 => {
                let (id, component) = (pick(&PROTOCOLS, a), u32::from(b % 2));
                let issued = (model.register(id, component), mgm.register(id, component));
                self.note(issued);
            }
            1 => assert_eq!(mgm.deregister(handle), model.deregister(expected)),
            2 => assert_eq!(mgm.take(handle, interface), model.take(expected, interface)),
            3 => assert_eq!(mgm.release(handle, interface), model.release(expected, interface)),
            4 => assert_eq!(mgm.protocol_on(interface), model.protocol_on(interface)),
            5..=8 => {
                let found = mgm.add(handle, entry, interface, flags);
                assert_eq!(found, model.add(expected, entry, interface, flags));
            }
            9 | 10 => {
                let found = mgm.delete(handle, entry, interface, flags);
                assert_eq!(found, model.delete(expected, entry, interface, flags));
            }
            11 | 12 => {
                let enum_type = u32::from(a) % 3;
                let issued = (model.start(expected, enum_type), mgm.start(handle, enum_type));
                self.note(issued);
            }
            13 | 14 => self.get_next((expected, handle), usize::from(a) % 100),
            _ => assert_eq!(mgm.end(handle), model.end(expected)),
        }
    }

    fn get_next(&mut self, (expected, handle): (u64, u64), bytes: usize) {
        let [mut model_buffer, mut buffer] = [(); 2].map(|()| vec![CANARY; bytes + 20]);
        let expected = self.model.get_next(expected, &mut model_buffer[..bytes]);
        let got = self.mgm.get_next(handle, &mut buffer[..bytes]);
        assert_eq!(got, expected);
        let given = got.entries as usize * 16;
        assert_eq!(buffer[..given], model_buffer[..given]);
        assert!(buffer[bytes / 16 * 16..].iter().all(|byte| *byte == CANARY));
    }

    /// Reads the remaining records, and cleans up.
    pub fn finish(mut self) {
        for pair in std::mem::take(&mut self.handles) {
            self.get_next(pair, 10_000);
            assert_eq!(self.mgm.end(pair.1), self.model.end(pair.0));
            for by in 0..9 {
                let interface = interface_of(by);
                let found = self.mgm.release(pair.1, interface);
                assert_eq!(found, self.model.release(pair.0, interface));
            }
            let found = self.mgm.deregister(pair.1);
            assert_eq!(found, self.model.deregister(pair.0));
        }
        // Without clients there are no memberships.
        let last = self.mgm.register(1, 1).unwrap();
        let mut buffer = [0; 64];
        let running = self.mgm.start(last, super::ALL_SOURCES).unwrap();
        assert_eq!(self.mgm.get_next(running, &mut buffer).entries, 0);
        assert_eq!(self.mgm.deregister(last), NO_ERROR);
    }
}
