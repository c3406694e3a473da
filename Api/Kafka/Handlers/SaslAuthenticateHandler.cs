using OrleansStream.Gateway.Security;
using OrleansStream.Kafka.Calls;
using OrleansStream.Kafka.Errors;
using OrleansStream.Kafka.Messages;
using OrleansStream.Kafka.Sasl;
using OrleansStream.Kafka.Wire;

namespace OrleansStream.Kafka.Handlers;

/// <summary>Signs a client in. It may sign in again on the same connection, as the same principal (KIP-368).</summary>
/// <param name="signIn">Signs it in.</param>
/// <param name="time">Tells how long the sign-in is valid.</param>
internal sealed class SaslAuthenticateHandler(SaslSignIn signIn, TimeProvider time) : IRequestHandler
{
    /// <inheritdoc/>
    public ApiRange Api => SaslAuthenticateRequest.Api;

    /// <inheritdoc/>
    public async Task HandleAsync(KafkaCall call)
    {
        var request = SaslAuthenticateRequest.Read(call.OpenBody());
        (await SignInAsync(call, request)).Write(call.Answer, call.Version);
    }

    private async Task<SaslAuthenticateAnswer> SignInAsync(KafkaCall call, SaslAuthenticateRequest request)
    {
        var conversation = call.Connection.State(_ => new SaslConversation());
        if (conversation.Mechanism is not { } mechanism)
            return Failed(KafkaError.IllegalSaslState, "Agree on a mechanism first, by SaslHandshake.");
        conversation.Mechanism = null;
        try
        {
            var principal = await signIn.SignInAsync(mechanism, request.Token, call.Caller.Address, call.Closed);
            var before = call.Connection.Principal;
            // Whoever has shown a certificate may still sign in as somebody else, and is that then.
            if (before.Kind is not (PrincipalKind.Anonymous or PrincipalKind.Certificate) && before.ToString() != principal.ToString())
                return Failed(KafkaError.SaslAuthenticationFailed, "Another principal has signed in on this connection. Open a new one.");
            call.Connection.Principal = principal;
            return new SaslAuthenticateAnswer(KafkaError.None, Detail: null, LifetimeOf(principal));
        }
        catch (Exception exception) when (Refusals.Of(exception, call.Closed) is { } refused)
        {
            // The same code also where the key cannot be checked just now: a client repeats the sign-in after it anyway.
            return Failed(KafkaError.SaslAuthenticationFailed, refused.Detail);
        }
    }

    private long LifetimeOf(Principal principal) =>
        principal.ValidUntil is { } end ? Math.Max(1, (long)(end - time.GetUtcNow()).TotalMilliseconds) : 0;

    private static SaslAuthenticateAnswer Failed(KafkaError error, string detail) => new(error, detail, LifetimeMs: 0);
}
