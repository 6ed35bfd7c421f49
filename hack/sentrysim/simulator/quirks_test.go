package simulator

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// rows are those of a table in a document that begin with a name: | `Name` | what | `TestName` in `file` |.
var rows = regexp.MustCompile("(?m)^\\| `([A-Za-z]+)` \\| .+ \\| `(Test[A-Za-z]+)` in `([a-z_/]+[.]go)` \\|$")

func TestEveryQuirkIsUsedByTheTestThatTheDocumentsName(t *testing.T) {
	root := filepath.Join("..", "..", "..")
	document, err := os.ReadFile(filepath.Join(root, "docs", "development.md"))
	if err != nil {
		t.Fatal(err)
	}
	documented := map[string]bool{}
	for _, row := range rows.FindAllStringSubmatch(string(document), -1) {
		name, test, file := row[1], row[2], row[3]
		documented[name] = true
		content, err := os.ReadFile(filepath.Join(root, file))
		if err != nil {
			t.Error(err)
		}
		if !strings.Contains(string(content), "func "+test+"(") {
			t.Errorf("%s: there is no %s in %s", name, test, file)
		}
	}
	wanted := Ways()
	for _, quirk := range Quirks() {
		wanted = append(wanted, string(quirk))
	}
	for _, name := range wanted {
		if !documented[name] {
			t.Errorf("docs/development.md does not say which test uses %s", name)
		}
		delete(documented, name)
	}
	for name := range documented {
		t.Errorf("docs/development.md tells of %s, and there is no such quirk", name)
	}
}
