// Go: the workloads as goroutines. THREADS is GOMAXPROCS.
//
//	go_bench spawn N ALIVE THREADS | yield TASKS N THREADS | channel N THREADS | mutex N THREADS | fib N THREADS |
//	         skynet LEAVES THREADS | sleepers N | timer N LIVE | timeout N LIVE | idle N | idle-cpu MILLISECONDS |
//	         fair POLITE MILLISECONDS | channel-cross N | wake N | cancel N
package main

import (
	"context"
	"errors"
	"net"
	"os"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

func spawn(n, alive int) {
	ran := make([]uint8, alive)
	m := begin()
	for i := 0; i < n; i += alive {
		var all sync.WaitGroup
		all.Add(alive)
		for k := range ran {
			r := &ran[k]
			go func() {
				*r = 1
				all.Done()
			}()
		}
		all.Wait()
	}
	m.end("spawn", n, "")
	sum := 0
	for _, r := range ran {
		sum += int(r)
	}
	expect(sum, alive, "tasks that ran")
}

func yields(tasks, n int) {
	var all, ready sync.WaitGroup
	all.Add(tasks)
	ready.Add(tasks)
	start := make(chan struct{})
	for i := 0; i < tasks; i++ {
		go func() {
			ready.Done()
			<-start
			for k := 0; k < n/tasks; k++ {
				runtime.Gosched()
			}
			all.Done()
		}()
	}
	ready.Wait()
	m := begin()
	close(start)
	all.Wait()
	m.end("yield", n/tasks*tasks, "")
}

func ping(out chan<- int, in <-chan int, n int) {
	sum := 0
	for i := 0; i < n; i++ {
		out <- i
		sum += <-in
	}
	expect(sum, sumBelow(n), "sum of the values")
}

func pong(in <-chan int, out chan<- int) {
	for v := range in {
		out <- v
	}
}

func channels(n int) {
	there, back := make(chan int, 1), make(chan int, 1)
	m := begin()
	go pong(there, back)
	ping(there, back, n)
	m.end("channel", n, "")
}

// An unlocking goroutine may take the mutex again at once, before the one that was woken: so each gives up its turn after
// unlocking, and what counts is the change of owner.
func mutexes(n int) {
	var guard sync.Mutex
	var all sync.WaitGroup
	owner, changes := -1, 0
	guard.Lock()
	all.Add(2)
	for i := 0; i < 2; i++ {
		self := i
		go func() {
			defer all.Done()
			for {
				guard.Lock()
				if changes >= n {
					guard.Unlock()
					return
				}
				if owner != self {
					changes++
				}
				owner = self
				guard.Unlock()
				runtime.Gosched()
			}
		}()
	}
	runtime.Gosched()
	m := begin()
	guard.Unlock()
	all.Wait()
	m.end("mutex", n, "")
	expect(changes, n, "changes of owner")
}

func fib(n int) int {
	if n < 2 {
		return n
	}
	var a int
	var forked sync.WaitGroup
	forked.Add(1)
	go func() {
		a = fib(n - 1)
		forked.Done()
	}()
	b := fib(n - 2)
	forked.Wait()
	return a + b
}

func skynet(into chan<- int, first, leaves int) {
	if leaves == 1 {
		into <- first
		return
	}
	parts := make(chan int, 10)
	for i := 0; i < 10; i++ {
		go skynet(parts, first+i*leaves/10, leaves/10)
	}
	sum := 0
	for i := 0; i < 10; i++ {
		sum += <-parts
	}
	into <- sum
}

func sleepers(n int) {
	var all sync.WaitGroup
	all.Add(n)
	r := newRandom()
	m := begin()
	for i := 0; i < n; i++ {
		wait := time.Duration(r.next() % 1_000_000_000)
		go func() {
			time.Sleep(wait)
			all.Done()
		}()
	}
	all.Wait()
	m.end("sleepers", n, "")
}

func timers(n, live int) {
	r := newRandom()
	rang := func() { fail("timer: one rang") }
	all := make([]*time.Timer, live)
	for i := range all {
		all[i] = time.AfterFunc(r.farAhead(), rang)
	}
	m := begin()
	for i := 0; i < n; i++ {
		t := all[r.next()%uint64(live)]
		t.Stop()
		t.Reset(r.farAhead())
	}
	m.end("timer", n, "")
}

func timeouts(n, live int) {
	r := newRandom()
	for i := 0; i < live; i++ {
		wait := r.farAhead()
		go time.Sleep(wait)
	}
	time.Sleep(100 * time.Millisecond)
	m := begin()
	for i := 0; i < n; i++ {
		limited, cancel := context.WithTimeout(context.Background(), r.farAhead())
		runtime.Gosched()
		if limited.Err() != nil {
			fail("timeout: one rang")
		}
		cancel()
	}
	m.end("timeout", n, "")
}

func idle(n int) {
	runtime.GC()
	before := statusKb("VmRSS:")
	for i := 0; i < n; i++ {
		go time.Sleep(time.Hour)
	}
	time.Sleep(300 * time.Millisecond)
	endBytes("idle", before, n)
}

func idleCpu(milliseconds int) {
	done := make(chan struct{})
	go func() {
		time.Sleep(10 * time.Millisecond)
		close(done)
	}()
	<-done
	m := begin()
	time.Sleep(time.Duration(milliseconds) * time.Millisecond)
	m.end("idle-cpu", 1, "")
}

func fair(tasks, milliseconds int) {
	end := time.Now().Add(time.Duration(milliseconds) * time.Millisecond)
	lateness := make([][]time.Duration, tasks)
	var all sync.WaitGroup
	all.Add(tasks + 1)
	turns := 0
	m := begin()
	for i := range lateness {
		own := &lateness[i]
		go func() {
			defer all.Done()
			for time.Now().Before(end) {
				due := time.Now().Add(10 * time.Millisecond)
				time.Sleep(10 * time.Millisecond)
				*own = append(*own, time.Since(due))
			}
		}()
	}
	go func() {
		defer all.Done()
		var alwaysFree sync.Mutex
		for ; time.Now().Before(end); turns++ {
			for i := 0; i < 16; i++ {
				alwaysFree.Lock()
				alwaysFree.Unlock()
			}
		}
	}()
	all.Wait()
	var together []time.Duration
	for _, own := range lateness {
		together = append(together, own...)
	}
	m.end("fair", turns, percentiles(together))
}

// Two goroutines, each locked to a thread with a CPU of its own.
func both(here, there func()) {
	var other sync.WaitGroup
	other.Add(1)
	go func() {
		runtime.LockOSThread()
		pinThisThread(1)
		there()
		other.Done()
	}()
	runtime.LockOSThread()
	pinThisThread(0)
	here()
	other.Wait()
}

func channelCross(n int) {
	there, back := make(chan int, 1), make(chan int, 1)
	m := begin()
	both(func() {
		ping(there, back, n)
		close(there)
	}, func() { pong(there, back) })
	m.end("channel-cross", n, "")
}

func wake(n int) {
	signal := make(chan struct{}, 1)
	var setAt, seen atomic.Int64
	latencies := make([]time.Duration, 0, n)
	start := time.Now()
	m := begin()
	both(func() {
		for i := 0; i < n; i++ {
			for {
				time.Sleep(100 * time.Microsecond)
				if seen.Load() == int64(i) {
					break
				}
			}
			setAt.Store(int64(time.Since(start)))
			signal <- struct{}{}
		}
	}, func() {
		for i := 0; i < n; i++ {
			<-signal
			latencies = append(latencies, time.Since(start)-time.Duration(setAt.Load()))
			seen.Store(int64(i + 1))
		}
	})
	m.end("wake", n, percentiles(latencies))
}

// A read is called off by a deadline that has passed.
func cancel(n int) {
	sockets := make([]*net.UDPConn, n)
	var all sync.WaitGroup
	var cancelled atomic.Int64
	all.Add(n)
	for i := range sockets {
		socket, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			fail(err.Error())
		}
		sockets[i] = socket
		go func() {
			buffer := make([]byte, 64)
			if _, err := socket.Read(buffer); errors.Is(err, os.ErrDeadlineExceeded) {
				cancelled.Add(1)
			}
			all.Done()
		}()
	}
	time.Sleep(100 * time.Millisecond)
	past := time.Now().Add(-time.Second)
	m := begin()
	for _, socket := range sockets {
		socket.SetReadDeadline(past)
	}
	all.Wait()
	m.end("cancel", n, "")
	expect(int(cancelled.Load()), n, "reads that were cancelled")
}

func main() {
	if len(os.Args) < 3 {
		fail("usage: go_bench WORKLOAD NUMBER...; see the source")
	}
	var n [4]int
	for i, word := range os.Args[2:] {
		value, err := strconv.Atoi(word)
		if err != nil {
			fail(err.Error())
		}
		n[i] = value
	}
	threads := func(i int) {
		if n[i] > 0 {
			runtime.GOMAXPROCS(n[i])
		}
	}
	switch os.Args[1] {
	case "spawn":
		threads(2)
		spawn(n[0], n[1])
	case "yield":
		threads(2)
		yields(n[0], n[1])
	case "channel":
		threads(1)
		channels(n[0])
	case "mutex":
		threads(1)
		mutexes(n[0])
	case "fib":
		threads(1)
		m := begin()
		result := fib(n[0])
		m.end("fib", callsOfFib(n[0]), "")
		expect(result, fibOf(n[0]), "fib")
	case "skynet":
		threads(1)
		into := make(chan int)
		m := begin()
		go skynet(into, 0, n[0])
		result := <-into
		m.end("skynet", callsOfSkynet(n[0]), "")
		expect(result, sumBelow(n[0]), "skynet")
	case "sleepers":
		runtime.GOMAXPROCS(1)
		sleepers(n[0])
	case "timer":
		runtime.GOMAXPROCS(1)
		timers(n[0], n[1])
	case "timeout":
		runtime.GOMAXPROCS(1)
		timeouts(n[0], n[1])
	case "idle":
		idle(n[0])
	case "idle-cpu":
		runtime.GOMAXPROCS(2)
		idleCpu(n[0])
	case "fair":
		runtime.GOMAXPROCS(1)
		fair(n[0], n[1])
	case "channel-cross":
		channelCross(n[0])
	case "wake":
		wake(n[0])
	case "cancel":
		runtime.GOMAXPROCS(1)
		cancel(n[0])
	default:
		fail("go_bench: no such workload; see the source")
	}
}
