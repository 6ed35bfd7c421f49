// Package process runs child processes that end with their parent: what devcluster starts must not be left behind, not
// even when devcluster itself is killed.
package process
