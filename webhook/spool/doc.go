// Package spool keeps on disk, in order, what could not be recorded in time. It knows nothing of what it keeps.
package spool
