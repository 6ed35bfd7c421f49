package controlplane

import (
	"net"
)

// Files in a control plane's folder.
const (
	authorityFile         = "authority.crt"
	serverCertificateFile = "server.crt"
	serverKeyFile         = "server.key"
	signingKeyFile        = "service-accounts.key"
	kubeconfigFile        = "kubeconfig"
	etcdFolder            = "etcd"
	kubectlCacheFolder    = "kubectl"
)

func (c *ControlPlane) etcdArguments() []string {
	return []string{
		"--data-dir=" + c.path(etcdFolder),
		"--listen-client-urls=http://" + c.etcdAddress,
		"--advertise-client-urls=http://" + c.etcdAddress,
		"--listen-peer-urls=http://127.0.0.1:0",
		"--log-level=warn",
		// Nothing here needs to survive.
		"--unsafe-no-fsync",
	}
}

func (c *ControlPlane) apiServerArguments() []string {
	host, port, _ := net.SplitHostPort(c.address)
	return []string{
		"--etcd-servers=http://" + c.etcdAddress,
		"--bind-address=" + host,
		"--advertise-address=" + host,
		"--secure-port=" + port,
		// No pod is there to ask for the Service "kubernetes", and it must not have a loopback address.
		"--endpoint-reconciler-type=none",
		"--service-cluster-ip-range=10.0.0.0/24",
		"--tls-cert-file=" + c.path(serverCertificateFile),
		"--tls-private-key-file=" + c.path(serverKeyFile),
		"--client-ca-file=" + c.path(authorityFile),
		"--authorization-mode=RBAC",
		"--service-account-issuer=https://kubernetes.default.svc",
		"--service-account-key-file=" + c.path(signingKeyFile),
		"--service-account-signing-key-file=" + c.path(signingKeyFile),
		// The default ServiceAccount is made by a controller that may not be running.
		"--disable-admission-plugins=ServiceAccount",
	}
}

func (c *ControlPlane) controllerManagerArguments() []string {
	return []string{
		"--kubeconfig=" + c.Kubeconfig(),
		"--leader-elect=false",
		"--secure-port=0",
		"--controllers=garbage-collector-controller,namespace-controller,serviceaccount-controller,clusterrole-aggregation-controller",
		"--kube-api-qps=1000",
		"--kube-api-burst=2000",
	}
}
