//! The C ABI from C: the libraries are built as a user builds them, and programs are compiled against the
//! headers and run.

mod building;
mod header;
mod installed;
mod mgm;
mod native;
