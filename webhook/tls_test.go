package webhook_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/certwatcher"

	"github.com/itoc360/itoc360-operator/hack/testbed"
	"github.com/itoc360/itoc360-operator/webhook"
)

// writeCertificate puts a self-signed certificate with a serial number into a folder.
func writeCertificate(t *testing.T, folder string, serial int64) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	testbed.Must(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial),
		Subject:      pkix.Name{CommonName: "intake"},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(time.Hour),
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	testbed.Must(t, err)
	encodedKey, err := x509.MarshalECPrivateKey(key)
	testbed.Must(t, err)
	for name, block := range map[string]*pem.Block{
		"tls.key": {Type: "EC PRIVATE KEY", Bytes: encodedKey},
		"tls.crt": {Type: "CERTIFICATE", Bytes: certificate},
	} {
		testbed.Must(t, os.WriteFile(filepath.Join(folder, name), pem.EncodeToMemory(block), 0o600))
	}
}

// serialShown is the serial number that the intake shows in a new handshake, 0 if it cannot be asked.
func serialShown(ctx context.Context, address string) int64 {
	dialer := tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true}}
	connection, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return 0
	}
	defer func() { _ = connection.Close() }()
	secured, ok := connection.(*tls.Conn)
	if !ok {
		return 0
	}
	return secured.ConnectionState().PeerCertificates[0].SerialNumber.Int64()
}

func TestARenewedCertificateIsServedWithoutARestart(t *testing.T) {
	folder := t.TempDir()
	writeCertificate(t, folder, 1)
	certificates, err := certwatcher.New(filepath.Join(folder, "tls.crt"), filepath.Join(folder, "tls.key"))
	testbed.Must(t, err)
	watching := make(chan error, 1)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { watching <- certificates.Start(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-watching; err != nil {
			t.Errorf("watching the certificate: %v", err)
		}
	})
	served := startIntake(t, cluster(t).Config, func(o *webhook.Options) { o.Certificates = certificates })
	address := strings.TrimPrefix(served.url, "http://")
	if serial := serialShown(t.Context(), address); serial != 1 {
		t.Fatalf("serves certificate %d, want 1", serial)
	}
	writeCertificate(t, folder, 2)
	testbed.Eventually(t, "the renewed certificate is served", func(ctx context.Context) bool { return serialShown(ctx, address) == 2 })
}

func TestAHeadTooLargeIsRefusedAndNotRedirected(t *testing.T) {
	served := startIntake(t, cluster(t).Config)
	source := testbed.NewSource(t, served.client)
	served.knows(t, source)
	sent := delivery(source, issue("created", 1))
	sent.header.Set("X-Padding", strings.Repeat("x", 128<<10))
	if answered, _ := sent.send(t, served); answered.status != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("answered %d, want 431", answered.status)
	}
}
