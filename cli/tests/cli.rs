//! The command line as a user sees it: what it prints where, and its exit status.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use groupscan::{SimdLevel, V4, View};
use groupscan_testing::captures::{
    IPV4, RECORDINGS, enhanced, interface, leave, pcap, report, report_v3, section,
};
use serde_json::{Value, json};

fn groupscan() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_groupscan"));
    command.current_dir(RECORDINGS).arg("replay");
    command
}

fn run(args: &[&str]) -> Output {
    groupscan().args(args).output().unwrap()
}

fn stdout(output: &Output) -> &str {
    str::from_utf8(&output.stdout).unwrap()
}

fn stderr(output: &Output) -> &str {
    str::from_utf8(&output.stderr).unwrap()
}

fn json_of(args: &[&str]) -> Value {
    let output = run(&[&["-j", "-q"], args].concat());
    assert_eq!(stderr(&output), "");
    assert_eq!(output.status.code(), Some(0));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Writes a file for one test.
fn file(name: &str, content: &[u8]) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::write(&path, content).unwrap();
    path
}

/// A capture of (*,239.1.1.1), (10.0.0.1,232.1.1.1), (10.0.0.2,232.1.1.1) and (*,224.0.0.251).
fn small(name: &str) -> String {
    let sources = [V4::new(10, 0, 0, 2), V4::new(10, 0, 0, 1)];
    let records = [
        (4, V4::new(239, 1, 1, 1), &[][..]),
        (1, V4::new(232, 1, 1, 1), &sources),
        (2, V4::new(224, 0, 0, 251), &[]),
    ];
    file(name, &pcap(IPV4, &[(0, report_v3(&records))])).to_str().unwrap().to_owned()
}

#[test]
fn text_has_aligned_columns_and_a_summary_beside_it() {
    let path = small("text.pcap");
    let output = run(&[&path]);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(
        stdout(&output),
        "GROUP            SOURCE           INTERFACES\n\
         224.0.0.251      *                text\n\
         232.1.1.1        10.0.0.1         text\n\
         232.1.1.1        10.0.0.2         text\n\
         239.1.1.1        *                text\n"
    );
    let summary = stderr(&output);
    for line in [
        "frames           1",
        "messages         1  v3 report 1",
        "foreign          0",
        "rejected         0",
        "records          4  of 4 joins on 1 interface",
        "time ",
    ] {
        assert!(summary.contains(line), "{line:?} in {summary}");
    }
    let quiet = run(&["-q", &path]);
    assert_eq!(stderr(&quiet), "");
    assert_eq!(quiet.stdout, output.stdout);
}

#[test]
fn json_names_the_interfaces_of_each_join() {
    let (one, two) = (small("one.pcap"), small("two.pcap"));
    let row =
        |group, source| json!({"group": group, "source": source, "interfaces": ["one", "two"]});
    let expected = json!([
        row("224.0.0.251", "*"),
        row("232.1.1.1", "10.0.0.1"),
        row("232.1.1.1", "10.0.0.2"),
        row("239.1.1.1", "*"),
    ]);
    assert_eq!(json_of(&[&one, &two]), expected);
    assert_eq!(json_of(&["--pretty", &one, &two]), expected);
    let pretty = run(&["-jqp", &one]);
    assert!(stdout(&pretty).starts_with("[\n  {\n    \"group\""));
    assert_eq!(stdout(&run(&["-jq", &one])).lines().count(), 1);
    // One name for both: one interface.
    let rows = json_of(&["--interface", "lan", &one, &two]);
    assert_eq!(rows[0]["interfaces"], json!(["lan"]));
}

#[test]
fn views_and_filters_narrow_what_is_printed() {
    let path = small("views.pcap");
    let pairs = |args: &[&str]| {
        let rows = json_of(&[args, &[&path]].concat());
        let pair = |row: &Value| format!("{} {}", row["source"], row["group"]).replace('"', "");
        rows.as_array().unwrap().iter().map(pair).collect::<Vec<_>>()
    };
    assert_eq!(pairs(&["--view", "one-per-group"]), ["10.0.0.1 232.1.1.1"]);
    let specific = ["10.0.0.1 232.1.1.1", "10.0.0.2 232.1.1.1"];
    assert_eq!(pairs(&["--view", "source-specific"]), specific);
    assert_eq!(pairs(&["--view", "any-source"]), ["* 224.0.0.251", "* 239.1.1.1"]);
    let groups = ["* 224.0.0.251", "* 232.1.1.1", "* 239.1.1.1"];
    assert_eq!(pairs(&["--view", "groups"]), groups);
    assert_eq!(pairs(&["--group", "239.0.0.0/8"]), ["* 239.1.1.1"]);
    assert_eq!(pairs(&["--source", "10.0.0.2"]), ["10.0.0.2 232.1.1.1"]);
    assert_eq!(pairs(&["--skip-link-local", "--view", "any-source"]), ["* 239.1.1.1"]);
    assert_eq!(pairs(&["-4"]).len(), 4);
    assert!(pairs(&["-6"]).is_empty());
    assert!(pairs(&["--group", "ff00::/8"]).is_empty());
    let rows = json_of(&["--view", "groups", "--group", "232.1.1.1", &path]);
    assert_eq!(rows[0]["interfaces"], json!(["views"]), "a group has the interfaces of its joins");
    let capture = |name, source| {
        let records = [(1, V4::new(232, 1, 1, 1), &[source][..])];
        file(name, &pcap(IPV4, &[(0, report_v3(&records))])).to_str().unwrap().to_owned()
    };
    let one = capture("views-one.pcap", V4::new(10, 0, 0, 1));
    let two = capture("views-two.pcap", V4::new(10, 0, 0, 2));
    let rows = json_of(&["--view", "groups", "--source", "10.0.0.1", &one, &two]);
    assert_eq!(rows[0]["interfaces"], json!(["views-one"]), "of the joins that the filter admits");
}

#[test]
fn a_cut_capture_gives_what_it_has_and_says_where_it_ends() {
    let whole = fs::read(Path::new(RECORDINGS).join("router-lan1.pcap")).unwrap();
    let cut = file("cut.pcap", &whole[..3000]);
    let output = run(&["-q", cut.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stdout(&output).lines().count() > 10);
    let mut offset = 24;
    loop {
        let length = u32::from_le_bytes(whole[offset + 8..offset + 12].try_into().unwrap());
        if offset + 16 + length as usize > 3000 {
            break;
        }
        offset += 16 + length as usize;
    }
    let expected = format!("ends in the middle of the packet at offset {offset}");
    assert!(stderr(&output).contains(&expected), "{}", stderr(&output));
}

#[test]
fn a_faulty_file_does_not_spoil_the_others() {
    let notes = file("notes.txt", b"remember the milk");
    let good = small("good.pcap");
    let output = run(&["-q", "missing.pcap", notes.to_str().unwrap(), &good]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(stdout(&output).lines().count(), 5);
    let message = stderr(&output);
    assert!(message.contains("missing.pcap: cannot read the capture: No such file"), "{message}");
    assert!(message.contains("notes.txt: not a pcap or pcapng capture"), "{message}");
    assert_eq!(message.lines().count(), 2);
}

#[test]
fn nothing_to_show_is_not_an_error() {
    let empty = file("empty.pcap", &pcap(IPV4, &[]));
    let path = empty.to_str().unwrap();
    assert_eq!(json_of(&[path]), json!([]));
    assert_eq!(stdout(&run(&["-q", path])).lines().count(), 1, "the heading");
}

#[test]
fn usage_errors_have_status_2() {
    for (args, message) in [
        (&[][..], "required"),
        (&["--frobnicate", "router-lan1.pcap"], "--frobnicate"),
        (&["--view", "sideways", "router-lan1.pcap"], "source-specific"),
        (&["--group", "239.1.0.0/8", "router-lan1.pcap"], "239.0.0.0/8"),
        (&["--group", "nonsense", "router-lan1.pcap"], "not an address"),
        (&["-4", "-6", "router-lan1.pcap"], "cannot be used with"),
        (&["-4", "--group", "ff00::/8", "router-lan1.pcap"], "Usage: groupscan replay"),
        (&["--group", "239.0.0.0/8", "--source", "::1", "router-lan1.pcap"], "one address family"),
        (&["--interface", "", "router-lan1.pcap"], "--interface"),
        (&["--pretty", "router-lan1.pcap"], "--json"),
    ] {
        let output = run(args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert_eq!(stdout(&output), "");
        assert!(stderr(&output).contains(message), "{args:?}: {}", stderr(&output));
    }
}

#[test]
fn help_teaches() {
    let output = run(&["--help"]);
    assert_eq!(output.status.code(), Some(0));
    for word in ["Examples:", "Exit status:", "--skip-link-local", "membership state"] {
        assert!(stdout(&output).contains(word), "{word}");
    }
    for view in View::ALL {
        assert!(stdout(&output).contains(&format!("- {view}:")), "{view}");
    }
}

#[test]
fn a_capture_comes_from_standard_input() {
    let path = small("piped.pcap");
    let input = fs::File::open(&path).unwrap();
    let output = groupscan().args(["-q", "-j", "-"]).stdin(input).output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    let rows: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(rows[0]["interfaces"], json!(["stdin"]));
}

#[test]
fn a_closed_pipe_ends_the_output_silently() {
    // More output than a pipe can hold.
    let frames: Vec<_> = (0..20_000).map(|n| (0, report(V4::from_bits(0xef00_0000 + n)))).collect();
    let path = file("many.pcap", &pcap(IPV4, &frames));
    let mut child = groupscan()
        .args(["-q".as_ref(), path.as_os_str()])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = [0; 10];
    child.stdout.take().unwrap().read_exact(&mut first).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(stderr(&output), "");
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn closed_pipes_do_not_hide_a_faulty_input() {
    let cut = file("cut-and-closed.pcap", &pcap(IPV4, &[(0, report(V4::new(239, 1, 1, 1)))])[..60]);
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = groupscan();
    command.arg(cut).stdout(writer.try_clone().unwrap()).stderr(writer);
    assert_eq!(command.status().unwrap().code(), Some(1));
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let status = groupscan().arg("router-lan1.pcap").stdout(Stdio::null()).stderr(writer).status();
    assert_eq!(status.unwrap().code(), Some(0), "the summary has no reader");
}

#[test]
fn pieces_of_one_capture_are_read_by_time() {
    let group = V4::new(239, 1, 1, 1);
    let first = file("piece10.pcap", &pcap(IPV4, &[(0, report(group))]));
    let second = pcap(IPV4, &[(10_000, leave(group)), (20_000, leave(group))]);
    let second = file("piece2.pcap", &second);
    let (first, second) = (first.to_str().unwrap(), second.to_str().unwrap());
    for files in [[first, second], [second, first]] {
        assert_eq!(json_of(&["--interface", "lan", files[0], files[1]]), json!([]));
    }
}

#[cfg(target_os = "linux")]
#[test]
fn output_that_cannot_be_written_is_an_error() {
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = groupscan().args(["-q", "router-lan1.pcap"]).stdout(full).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("cannot write the output"), "{}", stderr(&output));
}

#[test]
fn names_from_captures_do_not_control_the_terminal() {
    let name = "eth0\u{1b}[2J";
    let frame = enhanced(0, 0, &report(V4::new(239, 1, 1, 1)));
    let capture = [section(), interface(228, Some(name)), frame].concat();
    let path = file("escape.pcapng", &capture);
    let output = run(&["-q", path.to_str().unwrap()]);
    assert!(stdout(&output).contains("eth0\\u{1b}[2J"));
    assert_eq!(json_of(&[path.to_str().unwrap()])[0]["interfaces"], json!([name]));
}

/// Runs the bench briefly, on few joins.
fn bench(args: &[&str]) -> Output {
    let small = ["bench", "--keys", "100,1K", "--seconds", "0.01"];
    Command::new(env!("CARGO_BIN_EXE_groupscan")).args(small).args(args).output().unwrap()
}

#[test]
fn the_bench_prints_a_line_for_every_simd_level_view_and_buffer() {
    let output = bench(&["-j"]);
    assert_eq!((stderr(&output), output.status.code()), ("", Some(0)));
    let lines: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    let levels: Vec<&str> = SimdLevel::available().map(SimdLevel::name).collect();
    let views = View::ALL.map(View::name);
    assert_eq!(lines.len(), 2 * levels.len() * views.len() * 2);
    for line in &lines {
        assert!([100, 1024].contains(&line["keys"].as_u64().unwrap()));
        assert!(levels.contains(&line["simd"].as_str().unwrap()));
        assert!(views.contains(&line["view"].as_str().unwrap()));
        assert!([16384, 65536].contains(&line["buffer_bytes"].as_u64().unwrap()));
        let figure = |name: &str| line[name].as_f64().unwrap();
        // A record has 16 bytes.
        assert!((figure("ns_per_record") * figure("gb_per_s") / 16.0 - 1.0).abs() < 1e-9);
        assert!(figure("ratio_to_copy") > 0.0);
        assert_eq!(line.as_object().unwrap().len(), 7);
    }
}

#[test]
fn the_bench_measures_what_the_arguments_select() {
    let output = bench(&["--simd", "portable", "--view", "all-sources,groups", "--buffer", "100"]);
    let text = stdout(&output);
    assert_eq!((stderr(&output), text.lines().count()), ("", 5), "{text}");
    assert!(text.starts_with("      KEYS  SIMD      VIEW  "), "{text}");
    let rows: Vec<Vec<&str>> =
        text.lines().skip(1).map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(rows[3][..4], ["1024", "portable", "groups", "100"]);
    assert!(rows.iter().all(|row| row.len() == 7), "{text}");

    // One join, which is source-specific.
    let args = ["bench", "--keys", "1", "--seconds", "0.01", "--view", "any-source", "-j"];
    let output = Command::new(env!("CARGO_BIN_EXE_groupscan")).args(args).output().unwrap();
    let lines: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    assert!(lines.iter().all(|line| line["ns_per_record"].is_null()), "{lines:?}");
    assert!(lines.iter().all(|line| line["ratio_to_copy"].is_null()), "{lines:?}");
}

#[test]
fn invalid_arguments_of_the_bench_are_usage_errors() {
    for (args, said) in [
        (["--keys", "0"], "must be a number from 1 to 67108864"),
        (["--keys", "4K,x"], "must be a number"),
        (["--seconds", "-1"], "seconds"),
        (["--seconds", "0"], "seconds"),
        (["--buffer", "15"], "must be a number from 16"),
        (["--simd", "mmx"], "possible values: portable"),
        (["--view", "some"], "any-source"),
    ] {
        let all = [&["bench"][..], &args].concat();
        let output = Command::new(env!("CARGO_BIN_EXE_groupscan")).args(all).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(stderr(&output).contains(said), "{args:?}: {}", stderr(&output));
    }
}
