package client

import (
	"context"
	"net/http"
)

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
