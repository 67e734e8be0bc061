// Tokio: the workloads in its own idiom. THREADS 0 is the current-thread runtime, and more the multi-threaded one. The
// main task is spawned, so that it runs on a worker as the others do.
//
//     tokio_bench child N | spawn N ALIVE THREADS | yield TASKS N THREADS | channel N THREADS | mutex N THREADS |
//                 fib N THREADS | skynet LEAVES THREADS | sleepers N | timer N LIVE | timeout N LIVE | idle N |
//                 idle-cpu MILLISECONDS | fair POLITE MILLISECONDS | channel-cross N BUSY | mutex-cross N BUSY | wake N |
//                 cancel N

#[path = "../../../measure.rs"]
mod measure;

use measure::{Measure, Random};
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicU8, Ordering};
use std::sync::Arc;
use std::task::{Context, RawWaker, RawWakerVTable, Waker};
use std::time::{Duration, Instant};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{mpsc, Mutex, Notify};

fn runtime(threads: u64) -> Runtime {
    if threads == 0 {
        Builder::new_current_thread().enable_all().build().unwrap()
    } else {
        Builder::new_multi_thread().worker_threads(threads as usize).enable_all().build().unwrap()
    }
}

fn run<F: Future<Output = ()> + Send + 'static>(threads: u64, main: F) {
    let r = runtime(threads);
    r.block_on(async { tokio::spawn(main).await.unwrap() });
}

#[inline(never)]
async fn one(v: u64) -> u64 {
    std::hint::black_box(v)
}

async fn child(n: u64) {
    let mut sum = 0;
    let m = Measure::begin();
    for i in 0..n {
        sum += one(i).await;
    }
    m.end("child", n, "");
    measure::expect(sum, measure::sum_below(n), "sum of the children");
}

async fn spawn(n: u64, alive: u64) {
    let ran: &'static [AtomicU8] = Vec::leak((0..alive).map(|_| AtomicU8::new(0)).collect());
    let mut handles = Vec::with_capacity(alive as usize);
    let m = Measure::begin();
    for _ in 0..n / alive {
        for r in ran {
            handles.push(tokio::spawn(async move { r.store(1, Ordering::Relaxed) }));
        }
        for handle in handles.drain(..) {
            handle.await.unwrap();
        }
    }
    m.end("spawn", n / alive * alive, "");
    measure::expect(ran.iter().map(|r| r.load(Ordering::Relaxed) as u64).sum(), alive, "tasks that ran");
}

async fn yields(tasks: u64, n: u64) {
    let each = n / tasks;
    let m = Measure::begin();
    let all: Vec<_> = (0..tasks)
        .map(|_| {
            tokio::spawn(async move {
                for _ in 0..each {
                    tokio::task::yield_now().await;
                }
            })
        })
        .collect();
    for task in all {
        task.await.unwrap();
    }
    m.end("yield", each * tasks, "");
}

async fn ping(out: mpsc::Sender<u64>, mut back: mpsc::Receiver<u64>, n: u64) {
    let mut sum = 0;
    for i in 0..n {
        out.send(i).await.unwrap();
        sum += back.recv().await.unwrap();
    }
    measure::expect(sum, measure::sum_below(n), "sum of the values");
}

async fn pong(mut there: mpsc::Receiver<u64>, back: mpsc::Sender<u64>) {
    while let Some(v) = there.recv().await {
        if back.send(v).await.is_err() {
            return;
        }
    }
}

async fn channels(n: u64) {
    let (to_pong, there) = mpsc::channel(1);
    let (to_ping, back) = mpsc::channel(1);
    let m = Measure::begin();
    tokio::spawn(pong(there, to_ping));
    ping(to_pong, back, n).await;
    m.end("channel", n, "");
}

async fn mutexes(n: u64) {
    let mutex = Arc::new(Mutex::new(0u64));
    let held = mutex.clone().lock_owned().await;
    let lockers: Vec<_> = (0..2)
        .map(|_| {
            let mutex = mutex.clone();
            tokio::spawn(async move {
                for _ in 0..n / 2 {
                    *mutex.lock().await += 1;
                }
            })
        })
        .collect();
    tokio::task::yield_now().await;
    let m = Measure::begin();
    drop(held);
    for locker in lockers {
        locker.await.unwrap();
    }
    m.end("mutex", n / 2 * 2, "");
    measure::expect(*mutex.lock().await, n / 2 * 2, "locks");
}

fn fib(n: u64) -> Pin<Box<dyn Future<Output = u64> + Send>> {
    Box::pin(async move {
        if n < 2 {
            return n;
        }
        let forked = tokio::spawn(fib(n - 1));
        let b = fib(n - 2).await;
        forked.await.unwrap() + b
    })
}

fn skynet(first: u64, leaves: u64) -> Pin<Box<dyn Future<Output = u64> + Send>> {
    Box::pin(async move {
        if leaves == 1 {
            return first;
        }
        let each = leaves / 10;
        let forked: Vec<_> = (0..10).map(|i| tokio::spawn(skynet(first + i * each, each))).collect();
        let mut sum = 0;
        for f in forked {
            sum += f.await.unwrap();
        }
        sum
    })
}

async fn sleepers(n: u64) {
    let mut random = Random::new();
    let m = Measure::begin();
    let all: Vec<_> = (0..n)
        .map(|_| {
            let wait = Duration::from_nanos(random.next() % 1_000_000_000);
            tokio::spawn(tokio::time::sleep(wait))
        })
        .collect();
    for sleeper in all {
        sleeper.await.unwrap();
    }
    m.end("sleepers", n, "");
}

fn no_waker() -> Waker {
    fn clone(_: *const ()) -> RawWaker {
        RawWaker::new(std::ptr::null(), &TABLE)
    }
    fn nothing(_: *const ()) {}
    static TABLE: RawWakerVTable = RawWakerVTable::new(clone, nothing, nothing, nothing);
    unsafe { Waker::from_raw(RawWaker::new(std::ptr::null(), &TABLE)) }
}

// A Sleep is in the wheel from its first poll until it is dropped.
async fn timers(n: u64, live: u64) {
    let mut random = Random::new();
    let waker = no_waker();
    let mut context = Context::from_waker(&waker);
    let mut arm = |random: &mut Random| {
        let at = Instant::now() + Duration::from_nanos(random.far_ahead());
        let mut sleep = Box::pin(tokio::time::sleep_until(at.into()));
        assert!(sleep.as_mut().poll(&mut context).is_pending());
        sleep
    };
    let mut all: Vec<_> = (0..live).map(|_| arm(&mut random)).collect();
    let m = Measure::begin();
    for _ in 0..n {
        let i = (random.next() % live) as usize;
        all[i] = arm(&mut random);
    }
    m.end("timer", n, "");
}

async fn timeouts(n: u64, live: u64) {
    let mut random = Random::new();
    for _ in 0..live {
        tokio::spawn(tokio::time::sleep(Duration::from_nanos(random.far_ahead())));
    }
    tokio::task::yield_now().await;
    let m = Measure::begin();
    for _ in 0..n {
        let limit = Duration::from_nanos(random.far_ahead());
        tokio::time::timeout(limit, tokio::task::yield_now()).await.unwrap();
    }
    m.end("timeout", n, "");
    std::process::exit(0); // the others would sleep on
}

async fn idle(n: u64) {
    let before = measure::status_kb("VmRSS:");
    for _ in 0..n {
        tokio::spawn(tokio::time::sleep(Duration::from_secs(3600)));
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    measure::end_bytes("idle", before, n);
    std::process::exit(0);
}

async fn idle_cpu(milliseconds: u64) {
    tokio::spawn(tokio::time::sleep(Duration::from_millis(10))).await.unwrap();
    let m = Measure::begin();
    tokio::time::sleep(Duration::from_millis(milliseconds)).await;
    m.end("idle-cpu", 1, "");
}

async fn fair(tasks: u64, milliseconds: u64) {
    let end = Instant::now() + Duration::from_millis(milliseconds);
    let m = Measure::begin();
    let all: Vec<_> = (0..tasks)
        .map(|_| {
            tokio::spawn(async move {
                let mut late = Vec::new();
                while Instant::now() < end {
                    let due = Instant::now() + Duration::from_millis(10);
                    tokio::time::sleep_until(due.into()).await;
                    late.push((Instant::now() - due).as_nanos() as u64);
                }
                late
            })
        })
        .collect();
    let greedy = tokio::spawn(async move {
        let always_free = Mutex::new(());
        let mut turns = 0;
        while Instant::now() < end {
            for _ in 0..16 {
                let _held = always_free.lock().await;
            }
            turns += 1;
        }
        turns
    });
    let turns = greedy.await.unwrap();
    let mut lateness = Vec::new();
    for polite in all {
        lateness.append(&mut polite.await.unwrap());
    }
    m.end("fair", turns, &measure::percentiles(lateness));
}

// Two current-thread runtimes, each on a thread and a CPU of its own. With `busy` each has another task that is always
// ready.
fn both<H, T>(busy: bool, here: H, there: T)
where
    H: Future<Output = ()> + Send + 'static,
    T: Future<Output = ()> + Send + 'static,
{
    let over = Arc::new(AtomicBool::new(false));
    let (first, second) = (measure::required_cpu(0), measure::required_cpu(1));
    let start = move |over: Arc<AtomicBool>| {
        if busy {
            tokio::spawn(async move {
                while !over.load(Ordering::Relaxed) {
                    tokio::task::yield_now().await;
                }
            });
        }
    };
    let of_other = over.clone();
    let other = std::thread::spawn(move || {
        measure::pin_this_thread(second);
        runtime(0).block_on(async {
            start(of_other);
            tokio::spawn(there).await.unwrap()
        });
    });
    measure::pin_this_thread(first);
    runtime(0).block_on(async {
        start(over.clone());
        tokio::spawn(here).await.unwrap()
    });
    over.store(true, Ordering::Relaxed);
    other.join().unwrap();
}

fn channel_cross(n: u64, busy: bool) {
    let (to_pong, there) = mpsc::channel(1);
    let (to_ping, back) = mpsc::channel(1);
    both(
        busy,
        async move {
            let m = Measure::begin();
            ping(to_pong, back, n).await;
            m.end("channel-cross", n, "");
        },
        pong(there, to_ping),
    );
}

struct Counter {
    owner: u8,
    changes: u64,
}

async fn locker(mutex: Arc<Mutex<Counter>>, this: u8, n: u64) {
    loop {
        let mut counter = mutex.lock().await;
        if counter.changes >= n {
            return;
        }
        counter.changes += (counter.owner != this) as u64;
        counter.owner = this;
    }
}

fn mutex_cross(n: u64, busy: bool) {
    let mutex = Arc::new(Mutex::new(Counter { owner: 0, changes: 0 }));
    let m = Measure::begin();
    both(busy, locker(mutex.clone(), 0, n), locker(mutex.clone(), 1, n));
    m.end("mutex-cross", n, "");
    measure::expect(mutex.blocking_lock().changes, n, "changes of owner");
}

fn wake(n: u64) {
    let notify = Arc::new(Notify::new());
    let set_at = Arc::new(AtomicU64::new(0));
    let seen = Arc::new(AtomicU64::new(0));
    let (notified, was_set_at, has_seen) = (notify.clone(), set_at.clone(), seen.clone());
    let m = Measure::begin();
    let (report, reported) = std::sync::mpsc::channel();
    both(
        false,
        async move {
            for i in 0..n {
                loop {
                    tokio::time::sleep(Duration::from_micros(100)).await;
                    if seen.load(Ordering::Relaxed) == i {
                        break;
                    }
                }
                set_at.store(measure::wall(), Ordering::Relaxed);
                notify.notify_one();
            }
        },
        async move {
            let mut latencies = Vec::with_capacity(n as usize);
            for i in 0..n {
                notified.notified().await;
                latencies.push(measure::wall() - was_set_at.load(Ordering::Relaxed));
                has_seen.store(i + 1, Ordering::Relaxed);
            }
            report.send(latencies).unwrap();
        },
    );
    m.end("wake", n, &measure::percentiles(reported.recv().unwrap()));
}

async fn cancel(n: u64) {
    let mut sockets = Vec::new();
    for _ in 0..n {
        sockets.push(Arc::new(tokio::net::UdpSocket::bind(("127.0.0.1", 0)).await.unwrap()));
    }
    let readers: Vec<_> = sockets
        .iter()
        .map(|socket| {
            let socket = socket.clone();
            tokio::spawn(async move {
                let mut buffer = [0u8; 64];
                socket.recv(&mut buffer).await.unwrap();
            })
        })
        .collect();
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    let m = Measure::begin();
    for reader in &readers {
        reader.abort();
    }
    let mut cancelled = 0;
    for reader in readers {
        cancelled += reader.await.unwrap_err().is_cancelled() as u64;
    }
    m.end("cancel", n, "");
    measure::expect(cancelled, n, "reads that were cancelled");
}

fn main() {
    let (workload, n) = measure::command_line();
    match workload.as_str() {
        "child" => run(0, child(n[0])),
        "spawn" => run(n[2], spawn(n[0], n[1])),
        "yield" => run(n[2], yields(n[0], n[1])),
        "channel" => run(n[1], channels(n[0])),
        "mutex" => run(n[1], mutexes(n[0])),
        "fib" => run(n[1], async move {
            let m = Measure::begin();
            let result = fib(n[0]).await;
            m.end("fib", measure::calls_of_fib(n[0]), "");
            measure::expect(result, measure::fib_of(n[0]), "fib");
        }),
        "skynet" => run(n[1], async move {
            let m = Measure::begin();
            let result = skynet(0, n[0]).await;
            m.end("skynet", measure::calls_of_skynet(n[0]), "");
            measure::expect(result, measure::sum_below(n[0]), "skynet");
        }),
        "sleepers" => run(0, sleepers(n[0])),
        "timer" => run(0, timers(n[0], n[1])),
        "timeout" => run(0, timeouts(n[0], n[1])),
        "idle" => run(0, idle(n[0])),
        "idle-cpu" => run(2, idle_cpu(n[0])),
        "fair" => run(0, fair(n[0], n[1])),
        "channel-cross" => channel_cross(n[0], n[1] != 0),
        "mutex-cross" => mutex_cross(n[0], n[1] != 0),
        "wake" => wake(n[0]),
        "cancel" => run(0, cancel(n[0])),
        _ => measure::fail("tokio_bench: no such workload; see the source"),
    }
}
