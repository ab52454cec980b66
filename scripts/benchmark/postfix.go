package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// postfix is a pure relayhost with a queue and a configuration of its own;
// nothing of the system's is touched.
type postfix struct {
	folder string
	master int // pid
}

const postfixMain = `compatibility_level = 3.6
queue_directory = %[1]s/queue
data_directory = %[1]s/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
meta_directory = /etc/postfix
mail_owner = postfix
setgid_group = postdrop
maillog_file = %[1]s/log/postfix.log
maillog_file_prefixes = %[1]s
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = bench.example.com
mydestination =
local_recipient_maps =
mynetworks = 127.0.0.0/8
relayhost = [127.0.0.1]:%[2]d
smtp_tls_security_level = none
smtpd_tls_security_level = none
smtpd_relay_restrictions = permit_mynetworks, reject
default_process_limit = 100
smtpd_client_connection_count_limit = 0
smtpd_client_connection_rate_limit = 0
smtpd_client_message_rate_limit = 0
smtpd_client_recipient_rate_limit = 0
default_destination_concurrency_limit = 50
message_size_limit = 104857600
mailbox_size_limit = 0
alias_maps =
alias_database =
disable_dns_lookups = yes
smtp_host_lookup = native
`

const postfixMaster = `127.0.0.1:%d inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
`

func (p *postfix) name() string { return "Postfix" }

func (p *postfix) start(ctx context.Context, port, sink int) error {
	if err := os.RemoveAll(p.folder); err != nil {
		return err
	}
	for _, dir := range []string{"config", "queue", "data", "log"} {
		if err := os.MkdirAll(filepath.Join(p.folder, dir), 0o755); err != nil {
			return err
		}
	}
	config := filepath.Join(p.folder, "config")
	for name, content := range map[string]string{
		"main.cf":   fmt.Sprintf(postfixMain, p.folder, sink),
		"master.cf": fmt.Sprintf(postfixMaster, port),
	} {
		if err := os.WriteFile(filepath.Join(config, name), []byte(content), 0o644); err != nil {
			return err
		}
	}
	if out, err := exec.Command("chown", "postfix", filepath.Join(p.folder, "data")).CombinedOutput(); err != nil {
		return fmt.Errorf("chown: %w: %s", err, bytes.TrimSpace(out))
	}
	if err := p.control("start"); err != nil {
		return err
	}
	if err := waitPort(ctx, port); err != nil {
		return err
	}
	pid, err := os.ReadFile(filepath.Join(p.folder, "queue", "pid", "master.pid"))
	if err != nil {
		return err
	}
	p.master, err = strconv.Atoi(strings.TrimSpace(string(pid)))
	return err
}

func (p *postfix) control(verb string) error {
	out, err := exec.Command(tool("postfix"), "-c", filepath.Join(p.folder, "config"), verb).CombinedOutput()
	if err != nil {
		return fmt.Errorf("postfix %s: %w: %s", verb, err, bytes.TrimSpace(out))
	}
	return nil
}

func (p *postfix) pids() []int { return append(childrenOf(p.master), p.master) }

func (p *postfix) spent() (time.Duration, error) {
	total, err := spentBy(p.master, true)
	for _, pid := range childrenOf(p.master) {
		if d, err := spentBy(pid, true); err == nil {
			total += d
		}
	}
	return total, err
}

func (p *postfix) stop() error { return p.control("stop") }
