package controlplane

import (
	"net"
	"testing"
)

func TestAFreeAddressIsGivenOnceAndToNobodyWhoAsksForAny(t *testing.T) {
	seen := map[string]bool{}
	for range 50 {
		address, err := FreeAddress()
		if err != nil {
			t.Fatal(err)
		}
		if seen[address] {
			t.Errorf("%s is given twice", address)
		}
		seen[address] = true
		listener, err := net.Listen("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		if port := listener.Addr().(*net.TCPAddr).Port; port >= firstEphemeralPort() {
			t.Errorf("the kernel gives port %d to others", port)
		}
		_ = listener.Close()
	}
}
