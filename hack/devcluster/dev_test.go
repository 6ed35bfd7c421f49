package main

import (
	"bytes"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestAnOccupiedIntakePortSaysWhatToSet(t *testing.T) {
	occupied, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer occupied.Close()
	address := occupied.Addr().String()
	err = dev(t.Context(), &terminal{out: &bytes.Buffer{}}, address)
	if err == nil || !strings.Contains(err.Error(), address+" is in use") || !strings.Contains(err.Error(), "set INTAKE_ADDR") {
		t.Errorf("error: %v", err)
	}
}

func TestAnIntakeAddressThatIsNoneSaysWhatOneLooksLike(t *testing.T) {
	if _, err := intakeAddress("nonsense"); err == nil || !strings.Contains(err.Error(), "127.0.0.1:9292") {
		t.Errorf("error: %v", err)
	}
}

func TestAnyFreeIntakeAddressWillDo(t *testing.T) {
	if got, err := intakeAddress("127.0.0.1:0"); got != "127.0.0.1:0" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
}

func TestTheExternalURLIsOneThatThisMachineReaches(t *testing.T) {
	for address, want := range map[string]string{
		"127.0.0.1:9292": "http://127.0.0.1:9292",
		":9292":          "http://127.0.0.1:9292",
		"0.0.0.0:9292":   "http://127.0.0.1:9292",
		"[::]:9292":      "http://127.0.0.1:9292",
		"localhost:9292": "http://localhost:9292",
	} {
		if got := externalURL(address); got != want {
			t.Errorf("%s: %s", address, got)
		}
	}
}

func TestThereAreThreeCommandsToTry(t *testing.T) {
	commands := nextCommands("bin/k8s/kubectl")
	if len(commands) != 3 {
		t.Fatalf("commands: %q", commands)
	}
	for i, part := range []string{"KUBECONFIG=.dev/kubeconfig", "./hack/sentrysim", "get incidents"} {
		if !strings.Contains(commands[i], part) || strings.Contains(commands[i], "\n") {
			t.Errorf("command %d: %s", i+1, commands[i])
		}
	}
}

func TestNothingIsColouredUnlessAPersonIsLooking(t *testing.T) {
	file, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if newTerminal(file).colour {
		t.Error("a file is coloured")
	}
	var plain, coloured bytes.Buffer
	for out, colour := range map[*bytes.Buffer]bool{&plain: false, &coloured: true} {
		screen := &terminal{out: out, colour: colour}
		screen.progress("Starting %s", "etcd")
		screen.heading("A chapter")
		screen.block("one\ntwo\n")
	}
	if got := plain.String(); got != "Starting etcd\n\nA chapter\n   one\n   two\n" {
		t.Errorf("plain: %q", got)
	}
	if !strings.Contains(coloured.String(), bold+"A chapter"+normal) {
		t.Errorf("coloured: %q", coloured.String())
	}
}
