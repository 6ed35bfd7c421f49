package controlplane

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestABinaryThatIsNotThereSaysWhatToRun(t *testing.T) {
	t.Setenv(assetsVariable, "")
	_, err := binaryPath(t.TempDir(), etcdBinary)
	if err == nil || !strings.Contains(err.Error(), "run: make control-plane") {
		t.Errorf("error: %v", err)
	}
}

func TestTheFolderThatAUserNamesWinsForWhatItHas(t *testing.T) {
	root, assets := t.TempDir(), t.TempDir()
	t.Setenv(assetsVariable, assets)
	built := filepath.Join(root, builtAssets)
	place(t, filepath.Join(built, etcdBinary))
	place(t, filepath.Join(built, controllerManagerBinary))
	place(t, filepath.Join(assets, etcdBinary))
	for binary, want := range map[string]string{etcdBinary: assets, controllerManagerBinary: built} {
		if path, err := binaryPath(root, binary); path != filepath.Join(want, binary) {
			t.Errorf("%s: %q, %v", binary, path, err)
		}
	}
	if path, err := binaryPath(root, kubectlBinary); err == nil || !strings.Contains(err.Error(), assets) {
		t.Errorf("what neither has: %q, %v", path, err)
	}
}

func TestAFolderThatAUserNamesAndThatIsNotThereIsAnError(t *testing.T) {
	root := t.TempDir()
	place(t, filepath.Join(root, builtAssets, etcdBinary))
	t.Setenv(assetsVariable, filepath.Join(root, "mistyped"))
	if path, err := binaryPath(root, etcdBinary); err == nil || !strings.Contains(err.Error(), assetsVariable) {
		t.Errorf("%q, %v", path, err)
	}
}

func TestTheRootIsFoundFromAModuleWithinIt(t *testing.T) {
	root, err := Root()
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(filepath.Join(root, "hack", "controlplane"))
	if got, err := Root(); got != root {
		t.Errorf("%q, %v; want %q", got, err, root)
	}
	t.Chdir(t.TempDir())
	if got, err := Root(); err == nil {
		t.Errorf("found %q outside", got)
	}
}

func place(t *testing.T, file string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, nil, 0o700); err != nil {
		t.Fatal(err)
	}
}
