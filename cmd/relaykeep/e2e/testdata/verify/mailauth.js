// Verifies every DKIM-Signature of every message in a folder with mailauth.
//
//     mailauth.js FOLDER KEYS.json
//
// It reads and prints what dkimpy.py does.
'use strict';

const fs = require('fs');
const path = require('path');
const { dkimVerify } = require('../node/node_modules/mailauth/lib/dkim/verify');

const [folder, keys] = process.argv.slice(2);
const records = JSON.parse(fs.readFileSync(keys));

const resolver = async name => {
    if (!records[name]) {
        throw Object.assign(new Error('no such record'), { code: 'ENOTFOUND' });
    }
    return [[records[name]]];
};

const main = async () => {
    for (const file of fs.readdirSync(folder).filter(f => f.endsWith('.eml')).sort()) {
        const { results } = await dkimVerify(fs.readFileSync(path.join(folder, file)), { resolver });
        const signatures = results
            .filter(r => r.selector)
            .map(r => ({
                domain: r.signingDomain,
                selector: r.selector,
                algorithm: r.algo,
                good: r.status.result === 'pass',
                why: r.status.comment || ''
            }));
        console.log(JSON.stringify({ name: path.basename(file, '.eml'), signatures }));
    }
};

main().catch(err => {
    console.error(err);
    process.exit(1);
});
