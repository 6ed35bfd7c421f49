package inbox

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
)

const (
	// tracedVariable makes a process of this test's binary one whose system calls are watched.
	tracedVariable = "ITOC360_TEST_TRACED"
	// tracedSignals is how many signals are spooled in it.
	tracedSignals = 25
	// markerFile is where it tells what it does: one byte before a signal is handed in, two once it is answered.
	markerFile = 3
)

// An answer from the spool is worth what is on disk by then. Here the kernel is asked: of a process that spools, one signal at a
// time, each system call is watched, and each signal must have seen a file sync between its acceptance and its answer.
func TestEachSpooledSignalIsSyncedBeforeItsAnswer(t *testing.T) {
	if os.Getenv(tracedVariable) != "" {
		spoolOneByOne(t)
		return
	}
	syncs, err := traceSyncs(t)
	if errors.Is(err, syscall.EPERM) {
		t.Skipf("this system lets nobody watch a process: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	if len(syncs) != tracedSignals {
		t.Fatalf("%d signals were answered, want %d", len(syncs), tracedSignals)
	}
	for i, count := range syncs {
		if count == 0 {
			t.Errorf("signal %d was answered without a file sync", i)
		}
	}
	t.Logf("file syncs of each signal: %v", syncs)
}

// spoolOneByOne spools signals of different alerts, none of which is ever recorded.
func spoolOneByOne(t *testing.T) {
	t.Helper()
	p := startProcess(t, t.TempDir(), isImpatient)
	marker := os.NewFile(markerFile, "marker")
	ctx, cancel := context.WithTimeout(t.Context(), never+inboxPatience)
	defer cancel()
	for i := range tracedSignals {
		if _, err := marker.Write(make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
		outcome := p.Submit(ctx, testSource, v1alpha1.IssueKey(string(rune('1'+i%9))), heardAs("created"))
		if _, err := marker.Write(make([]byte, 2)); err != nil {
			t.Fatal(err)
		}
		if !outcome.Spooled {
			t.Errorf("signal %d: %+v", i, outcome)
		}
	}
}

// syscallInfo is struct ptrace_syscall_info of the kernel, as it is on the entry of a system call.
type syscallInfo struct {
	op        uint8
	_         [3]uint8
	_         uint32
	_, _      uint64
	number    uint64
	arguments [6]uint64
}

const (
	getSyscallInfo = 0x420e
	onEntry        = 1
)

// traceSyncs runs this test in a process of its own, and counts the file syncs between the two markers of each signal.
func traceSyncs(t *testing.T) (syncs []int, err error) {
	t.Helper()
	// One thread traces, from the start on.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	reader, writer, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer reader.Close()
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$")
	child.Env = append(os.Environ(), tracedVariable+"=yes")
	child.ExtraFiles = []*os.File{writer}
	child.SysProcAttr = &syscall.SysProcAttr{Ptrace: true}
	if err := child.Start(); err != nil {
		return nil, err
	}
	writer.Close()
	pid := child.Process.Pid
	var status syscall.WaitStatus
	if _, err := syscall.Wait4(pid, &status, syscall.WALL, nil); err != nil {
		return nil, err
	}
	options := syscall.PTRACE_O_TRACECLONE | syscall.PTRACE_O_TRACESYSGOOD | unix.PTRACE_O_EXITKILL
	if err := errors.Join(syscall.PtraceSetOptions(pid, options), syscall.PtraceSyscall(pid, 0)); err != nil {
		return nil, err
	}
	count, isOpen := 0, false
	deadline := time.Now().Add(4 * inboxPatience)
	for time.Now().Before(deadline) {
		thread, err := syscall.Wait4(-1, &status, syscall.WALL, nil)
		switch {
		case err != nil:
			return nil, err
		case status.Exited() || status.Signaled():
			if thread == pid {
				return syncs, nil
			}
			continue
		}
		deliver := 0
		switch signal := status.StopSignal(); signal {
		case syscall.SIGTRAP | 0x80:
			info, err := entryOf(thread)
			switch {
			case err != nil || info.op != onEntry:
			case isOpen && (info.number == unix.SYS_FDATASYNC || info.number == unix.SYS_FSYNC):
				count++
			case info.number == unix.SYS_WRITE && info.arguments[0] == markerFile:
				if isOpen = info.arguments[2] == 1; isOpen {
					count = 0
				} else {
					syncs = append(syncs, count)
				}
			}
		case syscall.SIGTRAP, syscall.SIGSTOP:
		default:
			deliver = int(signal)
		}
		// A thread that ended meanwhile cannot go on.
		if err := syscall.PtraceSyscall(thread, deliver); err != nil && !errors.Is(err, syscall.ESRCH) {
			return nil, err
		}
	}
	return nil, errors.New("the process does not come to an end")
}

func entryOf(thread int) (info syscallInfo, err error) {
	_, _, failed := syscall.RawSyscall6(syscall.SYS_PTRACE, getSyscallInfo, uintptr(thread), unsafe.Sizeof(info),
		uintptr(unsafe.Pointer(&info)), 0, 0)
	if failed != 0 {
		return info, failed
	}
	return info, nil
}
