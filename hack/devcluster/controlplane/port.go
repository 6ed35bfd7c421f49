package controlplane

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"strconv"
	"sync"
)

const (
	// lowestPort leaves those below to well-known services.
	lowestPort = 10_000
	// ephemeralPort is the first port that Linux gives to whoever asks for any, unless it is told otherwise. That of others is higher.
	ephemeralPort = 32_768
	portTries     = 100
)

// givenPorts are those that this process has given away.
var givenPorts sync.Map

// FreeAddress is a loopback address with a port that nobody listened on a moment ago. It is given once, and the kernel gives it to nobody
// who asks for any port: whoever goes on calling a process that has ended reaches nobody else.
func FreeAddress() (string, error) {
	last := errors.New("all were given away")
	above := firstEphemeralPort()
	for range portTries {
		port := lowestPort + rand.IntN(above-lowestPort) //nolint:gosec // any will do
		if _, isGiven := givenPorts.LoadOrStore(port, true); isGiven {
			continue
		}
		listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err != nil {
			last = err
			continue
		}
		return listener.Addr().String(), listener.Close()
	}
	return "", fmt.Errorf("find a free port from %d to %d: %w", lowestPort, above-1, last)
}

// firstEphemeralPort is the first port that the kernel gives to whoever asks for any.
func firstEphemeralPort() int {
	content, err := os.ReadFile("/proc/sys/net/ipv4/ip_local_port_range")
	if err != nil {
		return ephemeralPort
	}
	var first int
	if _, err := fmt.Sscan(string(content), &first); err != nil || first <= lowestPort {
		return ephemeralPort
	}
	return first
}
