package client

import (
	"context"
	"net/http"
)

// Turn waits for the turn of some calls that belong together, four at most: a look at an issue, and what is written because of it. They
// follow each other without a wait in between, each is tried once, and the caller ends the turn.
func (c *Client) Turn(ctx context.Context, calls int) (turn *Client, end func(), err error) {
	end, err = c.limiter.AcquireFor(ctx, ClassWriteBack, c.name, calls)
	if err != nil {
		return nil, nil, err
	}
	own := *c
	own.isInTurn, own.retries = true, Retries{}
	return &own, end, nil
}

// Resolve resolves an issue. It is tried once: Sentry tells everybody of a resolve, even one that changes nothing, so whoever wants
// to try again looks at the issue first. That of a merged one resolves the one that is left.
func (c *Client) Resolve(ctx context.Context, id string) error {
	_, err := c.try(ctx, call{
		class: ClassWriteBack, method: http.MethodPut, path: c.organizationPath("issues", id), what: "the resolve of issue " + id,
		body: map[string]string{"status": "resolved"},
	}, nil)
	return err
}

// Comment comments on an issue. It is tried once. A text that the issue was given within the last hour is answered 400.
func (c *Client) Comment(ctx context.Context, id, text string) error {
	_, err := c.try(ctx, call{
		class: ClassWriteBack, method: http.MethodPost, path: c.organizationPath("issues", id, "comments"),
		what: "a comment on issue " + id, body: map[string]string{"text": text},
	}, nil)
	return err
}
