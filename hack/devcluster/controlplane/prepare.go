package controlplane

import (
	"context"
	"fmt"
	"os"

	"k8s.io/client-go/rest"
)

// prepare finds the binaries and two free ports, and fills a temporary folder with keys and certificates.
func (c *ControlPlane) prepare(context.Context) (err error) {
	if c.root, err = Root(); err != nil {
		return err
	}
	for _, binary := range []string{etcdBinary, apiServerBinary, kubectlBinary} {
		if _, err := binaryPath(c.root, binary); err != nil {
			return err
		}
	}
	if c.etcdAddress, err = FreeAddress(); err != nil {
		return err
	}
	if c.address, err = FreeAddress(); err != nil {
		return err
	}
	if c.folder, err = os.MkdirTemp("", "itoc360-control-plane-"); err != nil {
		return fmt.Errorf("make temporary folder: %w", err)
	}
	return c.prepareKeys()
}

func (c *ControlPlane) prepareKeys() error {
	authority, err := newAuthority()
	if err != nil {
		return err
	}
	server, err := authority.server()
	if err != nil {
		return err
	}
	administrator, err := authority.client("admin", "system:masters")
	if err != nil {
		return err
	}
	signing, err := signingKey()
	if err != nil {
		return fmt.Errorf("make signing key: %w", err)
	}
	c.Config = &rest.Config{
		Host: "https://" + c.address,
		QPS:  -1,
		TLSClientConfig: rest.TLSClientConfig{
			CAData:   authority.bundle(),
			CertData: administrator.certificate,
			KeyData:  administrator.key,
		},
	}
	for name, content := range map[string][]byte{
		authorityFile:         authority.bundle(),
		serverCertificateFile: server.certificate,
		serverKeyFile:         server.key,
		signingKeyFile:        signing,
	} {
		if err := os.WriteFile(c.path(name), content, 0o600); err != nil {
			return fmt.Errorf("write %s: %w", name, err)
		}
	}
	return WriteKubeconfig(c.Kubeconfig(), c.Config)
}
