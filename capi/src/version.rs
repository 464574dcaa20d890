//! The version of the library.

#![allow(unsafe_code, reason = "exports symbols")]

use std::ffi::{CStr, c_char};

/// The version of the library, such as `0.2.0`.
#[unsafe(no_mangle)]
pub extern "C" fn groupscan_version() -> *const c_char {
    const VERSION: &CStr =
        match CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes()) {
            Ok(version) => version,
            Err(_) => unreachable!(),
        };
    VERSION.as_ptr()
}

/// The version of the library as a number: major, minor and patch in 16, 8 and 8 bits.
#[unsafe(no_mangle)]
pub extern "C" fn groupscan_version_number() -> u32 {
    const fn number(digits: &str) -> u32 {
        match u32::from_str_radix(digits, 10) {
            Ok(number) => number,
            Err(_) => unreachable!(),
        }
    }
    const NUMBER: u32 = number(env!("CARGO_PKG_VERSION_MAJOR")) << 16
        | number(env!("CARGO_PKG_VERSION_MINOR")) << 8
        | number(env!("CARGO_PKG_VERSION_PATCH"));
    NUMBER
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_the_crate_s() {
        // SAFETY: a static string that ends with a null byte.
        let version = unsafe { CStr::from_ptr(groupscan_version()) }.to_str().unwrap();
        assert_eq!(version, env!("CARGO_PKG_VERSION"));
        let number = groupscan_version_number();
        let [major, minor, patch] = [number >> 16, number >> 8 & 0xff, number & 0xff];
        assert_eq!(version, format!("{major}.{minor}.{patch}"));
    }
}
