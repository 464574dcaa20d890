//! Code that the workspace's tests, fuzz targets and benches share. Not published.

#[cfg(feature = "capi")]
pub mod capi_calls;
#[cfg(feature = "captures")]
pub mod captures;
pub mod history;
pub mod mgm;
pub mod model;
pub mod orders;
pub mod random;
pub mod requests;
pub mod threads;
