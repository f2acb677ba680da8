// Two of these do mutual TLS with each other by what the SPIFFE Workload API gives them (SPIFFE_ENDPOINT_SOCKET), and say
// in lines of JSON which certificates they see: their own and their peer's. They know nothing of certmount.
//
//	go-spiffe server :8443 spiffe://cluster.local/ns/web/sa/frontend
//	go-spiffe client 10.0.0.1:8443 spiffe://cluster.local
//
// The last argument is the SPIFFE ID of the peer, or a trust domain whose members are all let in.
package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/spiffe/go-spiffe/v2/spiffeid"
	"github.com/spiffe/go-spiffe/v2/spiffetls/tlsconfig"
	"github.com/spiffe/go-spiffe/v2/workloadapi"
)

const (
	dialEvery = 200 * time.Millisecond
	greeting  = "hello\n"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil && ctx.Err() == nil {
		report("ended", map[string]any{"error": err.Error()})
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) != 3 {
		return fmt.Errorf("usage: go-spiffe server|client ADDRESS PEER, not %q", args)
	}
	role, address := args[0], args[1]
	authorize, err := authorizer(args[2])
	if err != nil {
		return err
	}
	source, err := workloadapi.NewX509Source(ctx)
	if err != nil {
		return err
	}
	defer source.Close()
	go followIdentity(ctx, source)
	switch role {
	case "server":
		return serve(ctx, address, tlsconfig.MTLSServerConfig(source, source, authorize))
	case "client":
		return call(ctx, address, tlsconfig.MTLSClientConfig(source, source, authorize))
	default:
		return fmt.Errorf("%q is neither server nor client", role)
	}
}

func authorizer(peer string) (tlsconfig.Authorizer, error) {
	id, err := spiffeid.FromString(peer)
	if err != nil {
		return nil, err
	}
	if id.Path() == "" {
		return tlsconfig.AuthorizeMemberOf(id.TrustDomain()), nil
	}
	return tlsconfig.AuthorizeID(id), nil
}

// followIdentity says which certificate is ours, at first and at each rotation.
func followIdentity(ctx context.Context, source *workloadapi.X509Source) {
	for {
		svid, err := source.GetX509SVID()
		if err != nil {
			report("failed", map[string]any{"error": err.Error()})
			return
		}
		report("identity", map[string]any{"id": svid.ID.String(), "serial": serial(svid.Certificates[0])})
		select {
		case <-ctx.Done():
			return
		case <-source.Updated():
		}
	}
}

func serve(ctx context.Context, address string, config *tls.Config) error {
	listener, err := tls.Listen("tcp", address, config)
	if err != nil {
		return err
	}
	context.AfterFunc(ctx, func() { listener.Close() })
	report("listening", map[string]any{"address": listener.Addr().String()})
	var seen peers
	for {
		connection, err := listener.Accept()
		if err != nil {
			return err
		}
		go func() {
			defer connection.Close()
			connection.SetDeadline(time.Now().Add(5 * time.Second))
			// The handshake comes with the first byte that is written.
			if _, err := connection.Write([]byte(greeting)); err != nil {
				report("failed", map[string]any{"error": err.Error()})
				return
			}
			seen.saw(connection.(*tls.Conn))
		}()
	}
}

// call shakes hands anew each time, as only a new handshake shows a new certificate.
func call(ctx context.Context, address string, config *tls.Config) error {
	var seen peers
	dialer := &tls.Dialer{NetDialer: &net.Dialer{Timeout: 5 * time.Second}, Config: config}
	for ctx.Err() == nil {
		if connection, err := greet(ctx, dialer, address); err != nil {
			report("failed", map[string]any{"error": err.Error()})
		} else {
			seen.saw(connection)
			connection.Close()
		}
		select {
		case <-ctx.Done():
		case <-time.After(dialEvery):
		}
	}
	return nil
}

// greet waits for the server's first words: they alone prove that it took our certificate (TLS 1.3).
func greet(ctx context.Context, dialer *tls.Dialer, address string) (*tls.Conn, error) {
	connection, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	connection.SetDeadline(time.Now().Add(5 * time.Second))
	if text, err := bufio.NewReader(connection).ReadString('\n'); err != nil || text != greeting {
		connection.Close()
		return nil, fmt.Errorf("the server said %q: %w", text, err)
	}
	return connection.(*tls.Conn), nil
}

// peers says each certificate of the other side once.
type peers struct {
	mutex sync.Mutex
	last  string
}

func (p *peers) saw(connection *tls.Conn) {
	certificate := connection.ConnectionState().PeerCertificates[0]
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if now := serial(certificate); now != p.last {
		p.last = now
		report("peer", map[string]any{"id": certificate.URIs[0].String(), "serial": now})
	}
}

func serial(certificate *x509.Certificate) string {
	return fmt.Sprintf("%x", certificate.SerialNumber)
}

func report(event string, fields map[string]any) {
	fields["event"] = event
	line, err := json.Marshal(fields)
	if err != nil {
		panic(err)
	}
	fmt.Println(string(line))
}
