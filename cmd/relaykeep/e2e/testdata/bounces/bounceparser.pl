#!/usr/bin/perl
# Reads delivery status notifications with Mail::DeliveryStatus::BounceParser.
#
#     bounceparser.pl FILE...
#
# Prints a JSON object a file, as reports.py does. It knows no actions: those
# that it takes for a bounce are "failed".
use strict;
use warnings;
use JSON::PP;
use Mail::DeliveryStatus::BounceParser;

for my $name (@ARGV) {
	# It wants the line ends of a mailbox.
	open my $file, '<:crlf', $name or die "$name: $!";
	my $bounce = Mail::DeliveryStatus::BounceParser->new([<$file>]);
	my @recipients;
	for my $r ($bounce->reports) {
		my $diagnosis = $r->get('diagnostic-code') // '';
		$diagnosis =~ s/^\s*smtp;\s*//i;
		$diagnosis =~ s/\s+$//;
		my $status = $r->get('status') // '';
		$status =~ s/\s+//g;
		push @recipients, {
			address   => $r->get('email'),
			action    => $bounce->is_bounce ? 'failed' : '',
			status    => $status,
			diagnosis => $diagnosis,
		};
	}
	print encode_json({ original => $bounce->orig_message_id // '', recipients => \@recipients }), "\n";
}
