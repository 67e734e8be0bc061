// One line of JSON a workload, as bench/measure.hpp prints it. Included by the programs in Rust.

use std::os::raw::{c_int, c_long};

#[repr(C)]
struct Timespec {
    seconds: c_long,
    nanoseconds: c_long,
}

// As Linux has it on 64 bits: two times, then 14 numbers, of which the 13th is the voluntary context switches.
#[repr(C)]
struct Usage {
    times: [c_long; 4],
    numbers: [c_long; 14],
}

extern "C" {
    fn getrusage(who: c_int, into: *mut Usage) -> c_int;
    fn clock_gettime(clock: c_int, into: *mut Timespec) -> c_int;
    fn sched_setaffinity(pid: c_int, bytes: usize, set: *const u64) -> c_int;
    fn sched_getaffinity(pid: c_int, bytes: usize, set: *mut u64) -> c_int;
}

const MONOTONIC: c_int = 1;
const PROCESS_CPU: c_int = 2;

fn read(clock: c_int) -> u64 {
    let mut t = Timespec { seconds: 0, nanoseconds: 0 };
    unsafe { clock_gettime(clock, &mut t) };
    t.seconds as u64 * 1_000_000_000 + t.nanoseconds as u64
}

#[allow(dead_code)]
pub fn wall() -> u64 {
    read(MONOTONIC)
}

pub fn status_kb(key: &str) -> i64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|l| l.starts_with(key)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

// How often a thread of the process has gone to sleep.
fn sleeps() -> c_long {
    let mut usage = Usage { times: [0; 4], numbers: [0; 14] };
    unsafe { getrusage(0, &mut usage) };
    usage.numbers[12]
}

pub struct Measure {
    wall: u64,
    cpu: u64,
    sleeps: c_long,
}

impl Measure {
    pub fn begin() -> Measure {
        Measure { wall: read(MONOTONIC), cpu: read(PROCESS_CPU), sleeps: sleeps() }
    }
    pub fn end(self, name: &str, operations: u64, more: &str) {
        let cpu = (read(PROCESS_CPU) - self.cpu) as f64 / operations as f64;
        let wall = (read(MONOTONIC) - self.wall) as f64 / operations as f64;
        let sleeps = (sleeps() - self.sleeps) as f64 / operations as f64;
        let peak = status_kb("VmHWM:");
        println!(
            "{{\"name\":\"{name}\",\"cpu_ns\":{cpu:.3},\"wall_ns\":{wall:.3},\"sleeps\":{sleeps:.3},\"peak_kb\":{peak}{more}}}"
        );
    }
}

#[allow(dead_code)]
pub fn end_bytes(name: &str, kb_before: i64, things: u64) {
    let bytes = (status_kb("VmRSS:") - kb_before) as f64 * 1024.0 / things as f64;
    println!("{{\"name\":\"{name}\",\"bytes\":{bytes:.1}}}");
}

// Members of the line, with a comma before each.
#[allow(dead_code)]
pub fn percentiles(mut nanoseconds: Vec<u64>) -> String {
    nanoseconds.sort_unstable();
    let at = |part: f64| {
        let i = (nanoseconds.len() as f64 * part) as usize;
        nanoseconds[i.min(nanoseconds.len() - 1)] as f64 / 1e3
    };
    format!(
        ",\"p50_us\":{:.3},\"p99_us\":{:.3},\"p999_us\":{:.3},\"samples\":{}",
        at(0.5), at(0.99), at(0.999), nanoseconds.len()
    )
}

// xorshift64, as in measure.hpp.
#[allow(dead_code)]
pub struct Random(pub u64);

#[allow(dead_code)]
impl Random {
    pub fn new() -> Random {
        Random(88172645463325252)
    }
    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
    pub fn far_ahead(&mut self) -> u64 {
        10_000_000_000 + self.next() % 60_000_000_000
    }
}

// The i-th CPU that this process may use.
#[allow(dead_code)]
pub fn required_cpu(i: usize) -> usize {
    let mut set = [0u64; 16];
    unsafe { sched_getaffinity(0, 128, set.as_mut_ptr()) };
    let cpu = (0..1024).filter(|c| set[c / 64] >> (c % 64) & 1 == 1).nth(i);
    cpu.unwrap_or_else(|| fail(&format!("this workload needs {} CPUs", i + 1)))
}

#[allow(dead_code)]
pub fn pin_this_thread(cpu: usize) {
    let mut set = [0u64; 16];
    set[cpu / 64] = 1 << (cpu % 64);
    unsafe { sched_setaffinity(0, 128, set.as_ptr()) };
}

pub fn fail(why: &str) -> ! {
    eprintln!("{why}");
    std::process::exit(1)
}

pub fn expect(got: u64, wanted: u64, what: &str) {
    if got != wanted {
        fail(&format!("{what}: {got} instead of {wanted}"));
    }
}

#[allow(dead_code)]
pub fn fib_of(n: u64) -> u64 {
    let (mut a, mut b) = (0, 1);
    for _ in 0..n {
        (a, b) = (b, a + b);
    }
    a
}

#[allow(dead_code)]
pub fn calls_of_fib(n: u64) -> u64 {
    2 * fib_of(n + 1) - 1
}

pub fn sum_below(n: u64) -> u64 {
    n * (n - 1) / 2
}

#[allow(dead_code)]
pub fn calls_of_skynet(mut leaves: u64) -> u64 {
    let mut calls = 0;
    while leaves > 0 {
        calls += leaves;
        leaves /= 10;
    }
    calls
}

// N queens, at most 12, row by row, as in measure.hpp.
#[allow(dead_code)]
#[derive(Clone, Copy)]
pub struct Queens {
    all: u32,
    columns: u32,
    rising: u32,
    falling: u32,
}

#[allow(dead_code)]
impl Queens {
    pub fn new(n: u64) -> Queens {
        Queens { all: (1 << n) - 1, columns: 0, rising: 0, falling: 0 }
    }
    pub fn placed(&self) -> bool {
        self.columns == self.all
    }
    pub fn ways(self) -> impl Iterator<Item = Queens> {
        let mut left = self.all & !(self.columns | self.rising | self.falling);
        std::iter::from_fn(move || {
            let column = left & left.wrapping_neg();
            left ^= column;
            (column != 0).then(|| Queens {
                all: self.all,
                columns: self.columns | column,
                rising: (self.rising | column) << 1,
                falling: (self.falling | column) >> 1,
            })
        })
    }
    pub fn count(self) -> u64 {
        if self.placed() { 1 } else { self.ways().map(Queens::count).sum() }
    }
    pub fn calls(self) -> u64 {
        1 + self.ways().map(Queens::calls).sum::<u64>()
    }
}

// The workload's name, and its numbers; one that was left out is 0.
pub fn command_line() -> (String, [u64; 4]) {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let mut numbers = [0; 4];
    if words.is_empty() || words.len() > 5 {
        fail("usage: WORKLOAD NUMBER...; see the source");
    }
    for (i, word) in words[1..].iter().enumerate() {
        numbers[i] = word.parse().unwrap_or_else(|_| fail(&format!("no number: {word}")));
    }
    (words[0].clone(), numbers)
}
