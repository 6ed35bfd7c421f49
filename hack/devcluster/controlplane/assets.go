package controlplane

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Names of the binaries.
const (
	etcdBinary              = "etcd"
	apiServerBinary         = "kube-apiserver"
	controllerManagerBinary = "kube-controller-manager"
	kubectlBinary           = "kubectl"
)

const (
	// assetsVariable names the folder of the binaries, as it does for envtest.
	assetsVariable = "KUBEBUILDER_ASSETS"
	// builtAssets is where "make control-plane" puts them.
	builtAssets = "bin/k8s"
	// modulePath is the first line of the go.mod that marks the root of the repository.
	modulePath = "github.com/itoc360/itoc360-operator"
)

// Root is the root of the repository that the working directory is in.
func Root() (string, error) {
	working, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("find repository: %w", err)
	}
	for folder := working; ; folder = filepath.Dir(folder) {
		if isRoot(folder) {
			return folder, nil
		}
		if folder == filepath.Dir(folder) {
			return "", fmt.Errorf("find repository: no go.mod of %s in %s or above", modulePath, working)
		}
	}
}

// isRoot looks at the module's name, because the repository has other modules, for its tools.
func isRoot(folder string) bool {
	file, err := os.Open(filepath.Join(folder, "go.mod"))
	if err != nil {
		return false
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	return lines.Scan() && strings.TrimSpace(lines.Text()) == "module "+modulePath
}

// Binary finds a program that "make control-plane" builds.
func Binary(name string) (string, error) {
	root, err := Root()
	if err != nil {
		return "", err
	}
	return binaryPath(root, name)
}

// binaryPath finds one binary of the control plane. The folder that a user names wins; what it lacks, as envtest's own
// lacks the controller manager, may be in the repository all the same.
func binaryPath(root, name string) (string, error) {
	places := []string{filepath.Join(root, builtAssets, name)}
	if assets := os.Getenv(assetsVariable); assets != "" {
		if _, err := os.Stat(assets); err != nil {
			return "", fmt.Errorf("find %s in the folder that %s names: %w", name, assetsVariable, err)
		}
		places = append([]string{filepath.Join(assets, name)}, places...)
	}
	for _, place := range places {
		if _, err := os.Stat(place); err == nil {
			return filepath.Abs(place)
		} else if !errors.Is(err, os.ErrNotExist) {
			return "", fmt.Errorf("find %s: %w", name, err)
		}
	}
	return "", fmt.Errorf("%s is not in %s; run: make control-plane", name, filepath.Dir(places[0]))
}
