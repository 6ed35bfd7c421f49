package webhook_test

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/hack/sentrysim/simulator"
	"github.com/itoc360/itoc360-operator/hack/testbed"
	"github.com/itoc360/itoc360-operator/internal/sentry"
)

// dial opens a connection to an intake, over which a request can be sent as slowly as one likes.
func dial(t *testing.T, served *intake) net.Conn {
	t.Helper()
	var dialer net.Dialer
	connection, err := dialer.DialContext(t.Context(), "tcp", strings.TrimPrefix(served.url, "http://"))
	testbed.Must(t, err)
	return connection
}

// head is that of a delivery whose body is announced to have some bytes.
func head(token string, length int) string {
	return fmt.Sprintf("POST %s?token=%s HTTP/1.1\r\nHost: intake\r\nContent-Type: application/json\r\n%s: issue\r\n"+
		"Content-Length: %d\r\n\r\n", v1alpha1.IntakePath, token, sentry.HeaderResource, length)
}

// answerTo reads an answer's code from a connection, 0 if it ends without one.
func answerTo(connection net.Conn) int {
	answered, err := http.ReadResponse(bufio.NewReader(connection), nil)
	if err != nil {
		return 0
	}
	defer func() { _ = answered.Body.Close() }()
	return answered.StatusCode
}

func TestABodyThatDoesNotComeIsAnswered408AndItsConnectionEnds(t *testing.T) {
	t.Parallel()
	served := startIntake(t, cluster(t).Config)
	source := testbed.NewSource(t, served.client)
	served.knows(t, source)
	connection := dial(t, served)
	defer func() { _ = connection.Close() }()
	_, err := io.WriteString(connection, head(source.Token, 100)+`{"action":`)
	testbed.Must(t, err)
	answered, err := http.ReadResponse(bufio.NewReader(connection), nil)
	testbed.Must(t, err)
	defer func() { _ = answered.Body.Close() }()
	body, err := io.ReadAll(answered.Body)
	testbed.Must(t, err)
	if answered.StatusCode != http.StatusRequestTimeout || !answered.Close || !strings.Contains(string(body), "within 4 seconds") {
		t.Errorf("answered %d %s, close %t", answered.StatusCode, body, answered.Close)
	}
}

// strangers count how they were answered.
type strangers struct {
	running sync.WaitGroup
	codes   [600]atomic.Int64
}

// slowly sends a byte a second until somebody has enough.
func (s *strangers) slowly(ctx context.Context, connection net.Conn, first, rest string) {
	s.running.Go(func() {
		defer func() { _ = connection.Close() }()
		defer context.AfterFunc(ctx, func() { _ = connection.Close() })()
		if _, err := io.WriteString(connection, first); err != nil {
			return
		}
		go func() {
			ticker := time.NewTicker(time.Second)
			defer ticker.Stop()
			for i := range len(rest) {
				select {
				case <-ctx.Done():
					return
				case <-ticker.C:
				}
				if _, err := connection.Write([]byte{rest[i]}); err != nil {
					return
				}
			}
		}()
		s.codes[answerTo(connection)].Add(1)
	})
}

// post sends what a request wants to send, and reads its answer.
func (s *strangers) post(t *testing.T, client *http.Client, address string, body io.Reader, length int64) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address, body)
	if err != nil {
		t.Errorf("make a request: %v", err)
		return
	}
	request.ContentLength = length
	request.Header.Set("Content-Type", "application/json")
	answered, err := client.Do(request)
	if err != nil {
		// A server that has answered and closes meets a client that still sends.
		s.codes[0].Add(1)
		return
	}
	_, _ = io.Copy(io.Discard, answered.Body)
	_ = answered.Body.Close()
	s.codes[answered.StatusCode].Add(1)
}

// zeros is a body without end.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// heap is how many bytes are in use, and garbage that was made while the collector ran.
func heap() uint64 {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}

// 200 slow clients, bodies of 256 MiB and 10,000 unknown tokens beside ordinary deliveries. The intake shares its memory
// with the test, the clients included.
func TestStrangersCostOrdinaryDeliveriesNothing(t *testing.T) {
	served := startIntake(t, cluster(t).Config)
	source := testbed.NewSource(t, served.client)
	served.knows(t, source)
	quiet := ordinary(t, served, source, 1, 200)
	before := heap()

	ctx, leave := context.WithCancel(t.Context())
	var crowd strangers
	filler := strings.Repeat("x", 200)
	for range 50 {
		crowd.slowly(ctx, dial(t, served), "POST "+v1alpha1.IntakePath+"?token=", filler)
		crowd.slowly(ctx, dial(t, served), head(strings.Repeat("x", 40), 200), filler)
		// Somebody who knows the token: its body is read, for as long as a body may take.
		crowd.slowly(ctx, dial(t, served), head(source.Token, 8<<20), filler)
		crowd.slowly(ctx, dial(t, served), head(source.Token, 200), filler)
	}
	transport := &http.Transport{MaxIdleConnsPerHost: 8}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport}
	for range 4 {
		crowd.running.Go(func() {
			for range 5 {
				const size = 256 << 20
				address := served.url + v1alpha1.IntakePath + "?token=" + source.Token
				crowd.post(t, client, address, io.LimitReader(zeros{}, size), size)
				// In chunks, its size is not announced.
				crowd.post(t, client, address, io.LimitReader(zeros{}, size), -1)
			}
		})
	}
	var tokens atomic.Int64
	for range 4 {
		crowd.running.Go(func() {
			for number := tokens.Add(1); number <= 10_000; number = tokens.Add(1) {
				address := served.url + v1alpha1.IntakePath + "?token=" + strings.Repeat("x", 30) + strconv.FormatInt(number, 10)
				crowd.post(t, client, address, strings.NewReader("{}"), 2)
			}
		})
	}
	var samples []uint64
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		ticker := time.NewTicker(100 * time.Millisecond)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
				samples = append(samples, heap())
			}
		}
	}()
	crowded := ordinary(t, served, source, 1000, 1000)
	crowd.running.Wait()
	leave()
	<-watched
	after, peak := heap(), highestFloor(samples)
	t.Logf("ordinary deliveries, p50 and p99: alone %s; in the crowd %s", quantiles(quiet), quantiles(crowded))
	t.Logf("strangers: %s; heap before %d MiB, at most %d MiB, after %d MiB", crowd.told(), before>>20, peak>>20, after>>20)
	// Bodies have 64 MiB together, of the 10 GiB that were sent; the rest are connections and what they buffer.
	if peak > before+96<<20 || after > before+16<<20 {
		t.Errorf("memory is not flat: %d MiB before, at most %d MiB, %d MiB after", before>>20, peak>>20, after>>20)
	}
	if codes := &crowd.codes; codes[408].Load() != 100 || codes[413].Load() == 0 || codes[429].Load() < 9_000 || codes[200].Load() != 0 {
		t.Errorf("strangers were answered %s", crowd.told())
	}
	if count := len(source.Incidents(t)); count != 1200 {
		t.Errorf("%d Incidents, want 1200", count)
	}
}

// highestFloor is the most that is in use throughout five samples in a row: what is in fewer is garbage of a moment.
func highestFloor(samples []uint64) uint64 {
	var highest uint64
	for row := range slices.Chunk(samples, 5) {
		highest = max(highest, slices.Min(row))
	}
	return highest
}

func (s *strangers) told() string {
	var told []string
	for code := range s.codes {
		if count := s.codes[code].Load(); count > 0 {
			told = append(told, fmt.Sprintf("%d: %d", code, count))
		}
	}
	return strings.Join(told, ", ")
}

// ordinary posts deliveries of so many new issues, four at a time, and tells how long each took.
func ordinary(t *testing.T, served *intake, source *testbed.Source, first, count int) []time.Duration {
	t.Helper()
	transport := &http.Transport{MaxIdleConnsPerHost: 4}
	defer transport.CloseIdleConnections()
	sentrySide := source.Sentry(served.url)
	sentrySide.HTTP = &http.Client{Transport: transport, Timeout: testbed.Patience}
	took := make([]time.Duration, count)
	var next atomic.Int64
	var senders sync.WaitGroup
	for range 4 {
		senders.Go(func() {
			for i := int(next.Add(1)) - 1; i < count; i = int(next.Add(1)) - 1 {
				begin := time.Now()
				created := simulator.IssueWebhook("created", simulator.Issue{ID: strconv.Itoa(first + i)}, begin)
				answer, err := sentrySide.Post(t.Context(), created)
				took[i] = time.Since(begin)
				if err = cmp.Or(err, notOpened(answer)); err != nil {
					t.Errorf("an ordinary delivery: %v", err)
				}
			}
		})
	}
	senders.Wait()
	return took
}

func notOpened(answer simulator.Answer) error {
	if answer.Status == http.StatusOK && answer.Result == "opened" {
		return nil
	}
	return errors.New(answer.String())
}

func quantiles(took []time.Duration) string {
	slices.Sort(took)
	return fmt.Sprintf("%v and %v", took[len(took)/2].Round(time.Millisecond), took[len(took)*99/100].Round(time.Millisecond))
}
