#!/usr/bin/perl
# Reads delivery status notifications with Sisimai.
#
#     sisimai.pl FILE...
#
# Prints a JSON object a file, as reports.py does.
use strict;
use warnings;
use JSON::PP;
use Sisimai;

for my $name (@ARGV) {
	my @recipients;
	my $original = '';
	for my $r (@{ Sisimai->make($name, delivered => 1) // [] }) {
		$original = "<" . $r->messageid . ">";
		push @recipients, {
			address   => $r->recipient->address,
			action    => $r->action,
			status    => $r->deliverystatus,
			diagnosis => $r->diagnosticcode,
		};
	}
	print encode_json({ original => $original, recipients => \@recipients }), "\n";
}
