// Command devcluster runs the operator on a control plane of its own on this machine: "dev" until Ctrl-C, to try things
// out, and "demo" to tell the story of a few alerts and check how it ends.
package main
