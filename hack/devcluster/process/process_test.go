package process

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"
)

func shell(t *testing.T, script string) *Process {
	t.Helper()
	p, err := Start(Command{
		Path: "/bin/sh",
		Args: []string{"-c", script},
		Env:  []string{"GREETING=hello"},
		Log:  filepath.Join(t.TempDir(), "log"),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Stop(0) })
	return p
}

func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	deadline, tick := time.After(30*time.Second), time.NewTicker(5*time.Millisecond)
	defer tick.Stop()
	for !condition() {
		select {
		case <-deadline:
			t.Fatal("not within 30 s: " + what)
		case <-tick.C:
		}
	}
}

func TestAProcessGetsItsEnvironmentAndItsOutputIsKept(t *testing.T) {
	p := shell(t, `echo "$GREETING"; echo second >&2; exit 3`)
	<-p.Done()
	if got := p.Tail(10); got != "hello\nsecond" {
		t.Errorf("log: %q", got)
	}
	if got := p.Tail(1); got != "second" {
		t.Errorf("last line: %q", got)
	}
	if got := p.Err(); got == nil || got.Error() != "exit status 3" {
		t.Errorf("it ended with %v", got)
	}
	if got := p.Ended().Error(); !strings.Contains(got, "exit status 3") || !strings.Contains(got, "second") {
		t.Errorf("error: %s", got)
	}
}

func TestABinaryThatIsNotThereIsAnErrorThatNamesIt(t *testing.T) {
	_, err := Start(Command{Path: "/nowhere/nothing", Log: filepath.Join(t.TempDir(), "log")})
	if err == nil || !strings.Contains(err.Error(), "nothing") {
		t.Errorf("error: %v", err)
	}
}

func TestStopLetsAProcessFinish(t *testing.T) {
	p := shell(t, `trap 'echo finished; exit 0' TERM; echo ready; while :; do sleep 0.01; done`)
	eventually(t, "the trap is set", func() bool { return p.Tail(1) == "ready" })
	if err := p.Stop(30 * time.Second); err != nil {
		t.Error(err)
	}
	if got := p.Tail(1); got != "finished" {
		t.Errorf("last line: %q", got)
	}
	if err := p.Stop(time.Minute); err != nil {
		t.Errorf("stopped twice: %v", err)
	}
}

func TestStopKillsAProcessThatDoesNotListenAndSaysSo(t *testing.T) {
	p := shell(t, `trap '' TERM; echo ready; while :; do sleep 0.01; done`)
	eventually(t, "the trap is set", func() bool { return p.Tail(1) == "ready" })
	if err := p.Stop(10 * time.Millisecond); err == nil {
		t.Error("no error")
	}
}

func TestStopKillsAProcessThatHangs(t *testing.T) {
	p := shell(t, `while :; do sleep 0.01; done`)
	if err := p.Hang(); err != nil {
		t.Fatal(err)
	}
	if err := p.Stop(0); err != nil {
		t.Error(err)
	}
}

const asParent = "PROCESS_TEST_AS_PARENT"

// TestAChildDiesWithItsParent runs this test binary again as a parent, kills that, and looks for the child.
func TestAChildDiesWithItsParent(t *testing.T) {
	if log := os.Getenv(asParent); log != "" {
		p, err := Start(Command{Path: "/bin/sh", Args: []string{"-c", `echo $$; while :; do sleep 0.01; done`}, Log: log})
		if err != nil {
			t.Fatal(err)
		}
		<-p.Done()
		return
	}
	if runtime.GOOS != "linux" {
		t.Skip("only Linux tells children of their parent's death")
	}
	log := filepath.Join(t.TempDir(), "log")
	parent := exec.Command(os.Args[0], "-test.run=^TestAChildDiesWithItsParent$")
	parent.Env = append(os.Environ(), asParent+"="+log)
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	pid := 0
	eventually(t, "the child runs", func() bool {
		content, _ := os.ReadFile(log)
		pid, _ = strconv.Atoi(strings.TrimSpace(string(content)))
		return pid > 0
	})
	if err := parent.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = parent.Wait()
	eventually(t, "the child is gone", func() bool { return !runs(pid) })
}

// runs tells whether a process is there and not merely a zombie that nobody has waited for.
func runs(pid int) bool {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	return err == nil && !strings.Contains(string(stat), ") Z ")
}
