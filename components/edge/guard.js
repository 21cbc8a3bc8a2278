// Default deny: the viewer-request Function of the default behaviour.
// The list decides: a request passes if its method and path are one of ALLOWED, to the letter. Before it stands a second lock, which holds if
// the list is ever loosened to prefixes or patterns: a path has to be spelt in the one plain way. Every other spelling
// of it (encoded, doubly encoded, dotted, doubled slashes, parameters, other alphabets) is refused, whatever it means.
// docs/edge.md says what is documented about the path that a Function sees.
var ALLOWED = new Set(/* ALLOWED */);
var METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD'];
// No framework behind obeys these; one that some day does will not see them.
var REWRITES = ['x-original-url', 'x-rewrite-url', 'x-forwarded-prefix', 'x-forwarded-path', 'x-forwarded-uri',
    'x-http-method', 'x-http-method-override', 'x-method-override'];
var LONGEST = 1024; // characters; what follows walks the path a bounded number of times
var ROUNDS = 4; // decodings until a path must have come to rest
var PLAIN = /^(?:\/[A-Za-z0-9_~:@+-][A-Za-z0-9_.~:@+-]*)+$/;

// The path as the last of many decoders would read it; null if it is malformed or overlong, or never comes to rest.
function decoded(path) {
    for (var round = 0; round < ROUNDS; round++) {
        var next;
        try {
            next = decodeURIComponent(path);
        } catch (error) {
            return null;
        }
        if (next === path) {
            return path;
        }
        path = next;
    }
    return null;
}

function canonical(path) {
    return path.length <= LONGEST && decoded(path) === path && PLAIN.test(path);
}

// OPTIONS is what a browser asks before a call of any other method.
function listed(method, path) {
    var methods = method === 'OPTIONS' ? METHODS : [method];
    for (var i = 0; i < methods.length; i++) {
        if (ALLOWED.has(methods[i] + ' ' + path)) {
            return true;
        }
    }
    return false;
}

function handler(event) {
    var request = event.request;
    if (canonical(request.uri) && listed(request.method, request.uri)) {
        for (var i = 0; i < REWRITES.length; i++) {
            delete request.headers[REWRITES[i]];
        }
        return request;
    }
    return {
        statusCode: 403,
        statusDescription: 'Forbidden',
        headers: { 'content-type': { value: 'application/json' }, 'cache-control': { value: 'no-store' } },
        body: '{"error": {"message": "This path is not open at the gateway\'s public address.", '
            + '"type": "permission_error", "param": null, "code": "403"}}'
    };
}
