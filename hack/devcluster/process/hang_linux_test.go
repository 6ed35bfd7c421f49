package process

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
)

const asBusy = "PROCESS_TEST_AS_BUSY"

// busyThreads are many more than a machine has cores, so that some wait for one when the signal comes.
const busyThreads = 32

// TestNothingOfAHungProcessRuns runs this test binary again as a process with many busy threads.
func TestNothingOfAHungProcessRuns(t *testing.T) {
	if os.Getenv(asBusy) != "" {
		for range busyThreads {
			go func() {
				var turns atomic.Int64
				for {
					turns.Add(1)
				}
			}()
		}
		select {}
	}
	p, err := Start(Command{
		Path: os.Args[0],
		Args: []string{"-test.run=^TestNothingOfAHungProcessRuns$"},
		Env:  []string{asBusy + "=yes", "GOMAXPROCS=" + strconv.Itoa(busyThreads)},
		Log:  filepath.Join(t.TempDir(), "log"),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Stop(0) })
	pid := p.cmd.Process.Pid
	eventually(t, "all threads are busy", func() bool { return len(threadStates(t, pid)) > busyThreads })
	for range 20 {
		for range 2 {
			if err := p.Hang(); err != nil {
				t.Fatal(err)
			}
			if states := threadStates(t, pid); strings.Trim(states, "T") != "" {
				t.Fatalf("threads are in the states %s, not all of them stopped", states)
			}
		}
		if err := p.Resume(); err != nil {
			t.Fatal(err)
		}
		eventually(t, "it goes on", func() bool { return strings.Contains(threadStates(t, pid), "R") })
	}
}

// threadStates is the state of each thread of a process, a letter each, as proc(5) has them.
func threadStates(t *testing.T, pid int) string {
	t.Helper()
	files, err := filepath.Glob("/proc/" + strconv.Itoa(pid) + "/task/*/stat")
	if err != nil {
		t.Fatal(err)
	}
	states := ""
	for _, file := range files {
		if stat, err := os.ReadFile(file); err == nil {
			_, rest, _ := strings.Cut(string(stat), ") ")
			states += rest[:1]
		}
	}
	return states
}
