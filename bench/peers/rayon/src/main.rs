// rayon: fork and join, and spawns in a scope. Its tasks are closures, not coroutines: they cannot wait.
//
//     rayon_peer fib N THREADS | skynet LEAVES THREADS | queens N THREADS | spawn N ALIVE THREADS

#[path = "../../measure.rs"]
mod measure;

use measure::{Measure, Queens};
use rayon::prelude::*;
use std::sync::atomic::{AtomicU8, Ordering};

fn fib(n: u64) -> u64 {
    if n < 2 {
        return n;
    }
    let (a, b) = rayon::join(|| fib(n - 1), || fib(n - 2));
    a + b
}

fn skynet(first: u64, leaves: u64) -> u64 {
    if leaves == 1 {
        return first;
    }
    let each = leaves / 10;
    (0..10usize).into_par_iter().with_max_len(1).map(|i| skynet(first + i as u64 * each, each)).sum()
}

fn place(board: Queens) -> u64 {
    if board.placed() {
        return 1;
    }
    let mut found = [0u64; 12];
    rayon::scope(|s| {
        for (next, ways) in board.ways().zip(found.iter_mut()) {
            s.spawn(move |_| *ways = place(next));
        }
    });
    found.iter().sum()
}

fn spawn(n: u64, alive: u64) {
    let ran: Vec<AtomicU8> = (0..alive).map(|_| AtomicU8::new(0)).collect();
    let m = Measure::begin();
    for _ in 0..n / alive {
        rayon::scope(|s| {
            for r in &ran {
                s.spawn(|_| r.store(1, Ordering::Relaxed));
            }
        });
    }
    m.end("spawn", n / alive * alive, "");
    measure::expect(ran.iter().map(|r| r.load(Ordering::Relaxed) as u64).sum(), alive, "tasks that ran");
}

fn main() {
    let (workload, n) = measure::command_line();
    let threads = if workload == "spawn" { n[2] } else { n[1] } as usize;
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads.max(1)).build().unwrap();
    match workload.as_str() {
        "fib" => pool.install(|| {
            let m = Measure::begin();
            let result = fib(n[0]);
            m.end("fib", measure::calls_of_fib(n[0]), "");
            measure::expect(result, measure::fib_of(n[0]), "fib");
        }),
        "skynet" => pool.install(|| {
            let m = Measure::begin();
            let result = skynet(0, n[0]);
            m.end("skynet", measure::calls_of_skynet(n[0]), "");
            measure::expect(result, measure::sum_below(n[0]), "skynet");
        }),
        "queens" => pool.install(|| {
            let board = Queens::new(n[0]);
            let m = Measure::begin();
            let result = place(board);
            m.end("queens", board.calls(), "");
            measure::expect(result, board.count(), "queens");
        }),
        "spawn" => pool.install(|| spawn(n[0], n[1])),
        _ => measure::fail("rayon_peer: fib, skynet, queens or spawn"),
    }
}
