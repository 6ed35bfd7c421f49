package main

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"syscall"
)

const (
	// intakeVariable is the environment variable that says where "dev" listens for webhooks.
	intakeVariable = "INTAKE_ADDR"
	// defaultIntake is where it listens without that.
	defaultIntake = "127.0.0.1:9292"
)

// intakeAddress checks that somebody can listen on an address, the default one if it is empty.
func intakeAddress(wanted string) (string, error) {
	address := cmp.Or(wanted, defaultIntake)
	listener, err := net.Listen("tcp", address)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return "", fmt.Errorf("%s is in use by another program: set %s to another address, such as %s=127.0.0.1:9393",
			address, intakeVariable, intakeVariable)
	case err != nil:
		return "", fmt.Errorf("listen where %s says, which must be an address such as %s: %w", intakeVariable, defaultIntake, err)
	}
	return address, listener.Close()
}

// externalURL is the URL at which a program on this machine reaches an address that may mean all interfaces.
func externalURL(address string) string {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return "http://" + address
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return "http://" + net.JoinHostPort(host, port)
}
