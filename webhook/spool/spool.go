package spool

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-logr/logr"
	bolt "go.etcd.io/bbolt"
)

const (
	// maxGroup is how many changes go into one commit.
	maxGroup = 1000
	// commitInterval is how soon a commit may follow another one: what comes meanwhile shares it. One that comes alone waits for
	// nothing.
	commitInterval = 2 * time.Millisecond
	// removalInterval is how long removals wait at most for a put to be committed with. What is removed late is at worst
	// recognized as recorded, after a crash.
	removalInterval = 50 * time.Millisecond
	// retryInterval is how soon a write is tried again after one that failed: each such costs a look at the whole file.
	retryInterval = time.Second
	// reopenInterval is how often a file that could not be opened is tried again.
	reopenInterval = 10 * time.Second
)

// ErrFull is for what would make the spool larger than it may be.
var ErrFull = errors.New("the spool is full")

// ErrDown is for a spool that has no file now.
var ErrDown = errors.New("the spool cannot be used")

// errClosed is for a spool that has been closed.
var errClosed = fmt.Errorf("%w: it is closed", ErrDown)

// Options say where a spool is, and who hears of it.
type Options struct {
	// Dir is its directory, its own.
	Dir string
	// MaxBytes is how large its entries may be together. The file can be larger, by pages that are not full.
	MaxBytes int64
	// Trouble hears what is wrong each time that something is, in a word for an Event (SpoolUnavailable, SpoolDamaged or
	// SpoolFull) and a sentence.
	Trouble func(reason, message string)
	// Log tells the same.
	Log logr.Logger
}

// Spool keeps entries on disk, in the order of their sequence. What is put is on disk, synced, once that is told; many puts at
// once share one commit. Without a usable file it refuses everything, and tries again every ten seconds.
type Spool struct {
	options Options
	// wake tells that there is something to commit.
	wake    chan struct{}
	stopped chan struct{}
	ended   chan struct{}

	handedIn sync.Mutex
	puts     []put
	removals []uint64
	closed   bool

	// The lock guards the file against being replaced while it is read.
	mu sync.RWMutex
	db *bolt.DB
	// size is the file's after the last commit.
	size  atomic.Int64
	bytes int64
	depth int

	// failing is what the last write failed with, until it is tried again.
	failing atomic.Pointer[error]

	// found is nil once it was told.
	found   func(sequence uint64, value []byte)
	problem string
}

// put is an entry to put, and who hears of it.
type put struct {
	entry

	done func(error)
}

// New makes a spool, which is down until it is started.
func New(options Options) *Spool {
	return &Spool{options: options, wake: make(chan struct{}, 1), stopped: make(chan struct{}), ended: make(chan struct{})}
}

// Start opens the file. It does not fail: a file that cannot be opened is told of, and tried again. Found takes, once, what an
// earlier process left behind, in order; before Start returns, unless the file can be opened only later.
func (s *Spool) Start(found func(sequence uint64, value []byte)) {
	s.found = found
	s.open()
	go s.work()
}

// Put puts an entry, and tells whether it is on disk, from another goroutine. The value must not change any more.
func (s *Spool) Put(sequence uint64, value []byte, done func(error)) {
	s.handedIn.Lock()
	closed := s.closed
	if !closed {
		s.puts = append(s.puts, put{entry{sequence, value}, done})
	}
	s.handedIn.Unlock()
	if closed {
		done(errClosed)
		return
	}
	s.awake()
}

// Remove takes entries out, some time soon.
func (s *Spool) Remove(sequences ...uint64) {
	s.handedIn.Lock()
	s.removals = append(s.removals, sequences...)
	s.handedIn.Unlock()
	s.awake()
}

func (s *Spool) awake() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// take takes what is to be committed next. Removals alone wait for puts, unless they are due.
func (s *Spool) take(due bool) (puts []put, removals []uint64) {
	s.handedIn.Lock()
	defer s.handedIn.Unlock()
	if len(s.puts) == 0 && !due {
		return nil, nil
	}
	some := min(len(s.puts), maxGroup)
	puts, s.puts = s.puts[:some:some], s.puts[some:]
	some = min(len(s.removals), maxGroup)
	removals, s.removals = s.removals[:some:some], s.removals[some:]
	return puts, removals
}

// Get gives the values of entries, nil for one that is not there.
func (s *Spool) Get(sequences []uint64) ([][]byte, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.db == nil {
		return nil, ErrDown
	}
	if err := s.whole(); err != nil {
		return nil, err
	}
	values := make([][]byte, len(sequences))
	err := guarded(func() error {
		return s.db.View(func(tx *bolt.Tx) error {
			bucket := tx.Bucket(bucketName)
			for i, sequence := range sequences {
				stored := bucket.Get(keyOf(sequence))
				if stored == nil {
					continue
				}
				value, err := unsealed(stored)
				if err != nil {
					return err
				}
				values[i] = value
			}
			return nil
		})
	})
	if err != nil {
		return nil, fmt.Errorf("read the spool: %w", err)
	}
	return values, nil
}

// Close commits what was handed in, and ends.
func (s *Spool) Close(ctx context.Context) error {
	close(s.stopped)
	select {
	case <-s.ended:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("close the spool: %w", ctx.Err())
	}
}
