package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"
)

// terminal is where everything is printed, in colour if a person is looking.
type terminal struct {
	out    io.Writer
	colour bool
}

func newTerminal(file *os.File) *terminal {
	return &terminal{out: file, colour: term.IsTerminal(int(file.Fd())) && os.Getenv("NO_COLOR") == ""}
}

// The colours, as a terminal knows them.
const (
	bold   = "\x1b[1m"
	faint  = "\x1b[2m"
	green  = "\x1b[32m"
	normal = "\x1b[0m"
)

func (t *terminal) paint(colour, text string) string {
	if !t.colour {
		return text
	}
	return colour + text + normal
}

// progress says what is under way, before it is.
func (t *terminal) progress(format string, arguments ...any) {
	fmt.Fprintln(t.out, t.paint(faint, fmt.Sprintf(format, arguments...)))
}

func (t *terminal) heading(format string, arguments ...any) {
	fmt.Fprintln(t.out, "\n"+t.paint(bold, fmt.Sprintf(format, arguments...)))
}

func (t *terminal) line(format string, arguments ...any) {
	fmt.Fprintf(t.out, format+"\n", arguments...)
}

// block prints several lines, indented.
func (t *terminal) block(text string) {
	for line := range strings.Lines(text) {
		fmt.Fprint(t.out, "   ", line)
	}
}
