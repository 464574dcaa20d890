//! How a fuzz target is defined: by libFuzzer where `cargo fuzz` builds it, and elsewhere as a program that
//! runs the inputs that it is given, so that any toolchain can try seeds and findings again.

/// Defines a target of bytes, or of a type that is made of bytes.
#[macro_export]
macro_rules! target {
    (|$bytes:ident: &[u8]| $body:block) => {
        #[cfg(fuzzing)]
        ::libfuzzer_sys::fuzz_target!(|$bytes: &[u8]| $body);

        #[cfg(not(fuzzing))]
        fn main() -> ::std::process::ExitCode {
            $crate::run_inputs(|$bytes: &[u8]| $body)
        }
    };
    (|$input:ident: $type:ty| $body:block) => {
        #[cfg(fuzzing)]
        ::libfuzzer_sys::fuzz_target!(|$input: $type| $body);

        #[cfg(not(fuzzing))]
        fn main() -> ::std::process::ExitCode {
            use ::arbitrary::{Arbitrary, Unstructured};
            $crate::run_inputs(|bytes: &[u8]| {
                let Ok($input) = <$type>::arbitrary_take_rest(Unstructured::new(bytes)) else {
                    return;
                };
                $body
            })
        }
    };
}

/// Runs a target on the files and folders that the program is given.
#[doc(hidden)]
pub fn run_inputs(target: impl Fn(&[u8])) -> std::process::ExitCode {
    let mut paths: Vec<_> = std::env::args_os().skip(1).map(std::path::PathBuf::from).collect();
    if paths.is_empty() {
        eprintln!("usage: TARGET FILE|FOLDER...    (to fuzz: fuzz/run fuzz TARGET SECONDS)");
        return std::process::ExitCode::from(2);
    }
    let mut inputs = 0;
    while let Some(path) = paths.pop() {
        let read = if path.is_dir() {
            std::fs::read_dir(&path)
                .and_then(|entries| {
                    entries
                        .map(|entry| entry.map(|entry| entry.path()))
                        .collect::<Result<Vec<_>, _>>()
                })
                .map(|entries| paths.extend(entries))
        } else {
            std::fs::read(&path).map(|bytes| {
                inputs += 1;
                target(&bytes);
            })
        };
        if let Err(error) = read {
            eprintln!("{}: {error}", path.display());
            return std::process::ExitCode::FAILURE;
        }
    }
    println!("{inputs} inputs passed");
    std::process::ExitCode::SUCCESS
}
