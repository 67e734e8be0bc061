// One line of JSON a workload, as bench/measure.hpp prints it.
package main

import (
	"bufio"
	"fmt"
	"os"
	"sort"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unsafe"
)

const processCpuClock = 2

func cpuNanoseconds() int64 {
	var t syscall.Timespec
	syscall.Syscall(syscall.SYS_CLOCK_GETTIME, processCpuClock, uintptr(unsafe.Pointer(&t)), 0)
	return t.Nano()
}

func statusKb(key string) int {
	file, err := os.Open("/proc/self/status")
	if err != nil {
		fail(err.Error())
	}
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if strings.HasPrefix(lines.Text(), key) {
			value, _ := strconv.Atoi(strings.Fields(lines.Text())[1])
			return value
		}
	}
	return -1
}

// How often a thread of the process has gone to sleep.
func sleeps() int64 {
	var usage syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &usage)
	return usage.Nvcsw
}

type measurement struct {
	wall   time.Time
	cpu    int64
	sleeps int64
}

func begin() measurement { return measurement{time.Now(), cpuNanoseconds(), sleeps()} }

func (m measurement) end(name string, operations int, more string) {
	cpu := float64(cpuNanoseconds()-m.cpu) / float64(operations)
	wall := float64(time.Since(m.wall).Nanoseconds()) / float64(operations)
	slept := float64(sleeps()-m.sleeps) / float64(operations)
	fmt.Printf("{\"name\":%q,\"cpu_ns\":%.3f,\"wall_ns\":%.3f,\"sleeps\":%.3f,\"peak_kb\":%d%s}\n",
		name, cpu, wall, slept, statusKb("VmHWM:"), more)
}

func endBytes(name string, kbBefore, things int) {
	fmt.Printf("{\"name\":%q,\"bytes\":%.1f}\n", name, float64(statusKb("VmRSS:")-kbBefore)*1024/float64(things))
}

// Members of the line, with a comma before each.
func percentiles(all []time.Duration) string {
	sort.Slice(all, func(i, j int) bool { return all[i] < all[j] })
	at := func(part float64) float64 {
		i := int(float64(len(all)) * part)
		if i == len(all) {
			i--
		}
		return float64(all[i].Nanoseconds()) / 1e3
	}
	return fmt.Sprintf(",\"p50_us\":%.3f,\"p99_us\":%.3f,\"p999_us\":%.3f,\"samples\":%d", at(.5), at(.99), at(.999), len(all))
}

// xorshift64, as in measure.hpp.
type random uint64

func newRandom() *random {
	r := random(88172645463325252)
	return &r
}

func (r *random) next() uint64 {
	*r ^= *r << 13
	*r ^= *r >> 7
	*r ^= *r << 17
	return uint64(*r)
}

func (r *random) farAhead() time.Duration {
	return time.Duration(10_000_000_000 + r.next()%60_000_000_000)
}

// The CPUs that this process may use, as it began.
var allowedCpus = func() (cpus []int) {
	var set [16]uint64
	syscall.RawSyscall(syscall.SYS_SCHED_GETAFFINITY, 0, 128, uintptr(unsafe.Pointer(&set)))
	for cpu := 0; cpu < 1024; cpu++ {
		if set[cpu/64]>>(cpu%64)&1 == 1 {
			cpus = append(cpus, cpu)
		}
	}
	return cpus
}()

// The calling goroutine's thread, which it is locked to, stays on the i-th CPU from now on.
func pinThisThread(i int) {
	if i >= len(allowedCpus) {
		fail(fmt.Sprintf("this workload needs %d CPUs", i+1))
	}
	var set [16]uint64
	set[allowedCpus[i]/64] = 1 << (allowedCpus[i] % 64)
	syscall.RawSyscall(syscall.SYS_SCHED_SETAFFINITY, 0, 128, uintptr(unsafe.Pointer(&set)))
}

func fail(why string) {
	fmt.Fprintln(os.Stderr, why)
	os.Exit(1)
}

func expect(got, wanted int, what string) {
	if got != wanted {
		fail(fmt.Sprintf("%s: %d instead of %d", what, got, wanted))
	}
}

func fibOf(n int) int {
	a, b := 0, 1
	for ; n > 0; n-- {
		a, b = b, a+b
	}
	return a
}

func callsOfFib(n int) int { return 2*fibOf(n+1) - 1 }

func sumBelow(n int) int { return n * (n - 1) / 2 }

func callsOfSkynet(leaves int) int {
	calls := 0
	for ; leaves > 0; leaves /= 10 {
		calls += leaves
	}
	return calls
}
