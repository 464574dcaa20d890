//! The C ABI: the libraries are built as a user builds them, and programs are compiled against the headers
//! and run. What the calls do is compared with what the same calls in Rust do.

#![allow(unsafe_code, reason = "calls the C ABI")]

mod building;
mod header;
mod installed;
mod mgm;
mod native;
mod same_as_rust;
