using System.Net;
using OrleansStream.Errors;
using OrleansStream.Kafka.Calls;
using OrleansStream.Kafka.Errors;
using OrleansStream.Kafka.Messages;
using OrleansStream.Kafka.Sasl;
using OrleansStream.Kafka.Wire;

namespace OrleansStream.Kafka.Handlers;

/// <summary>Agrees with a client on a mechanism to sign in by.</summary>
/// <param name="signIn">Has the mechanisms.</param>
internal sealed class SaslHandshakeHandler(SaslSignIn signIn) : IRequestHandler
{
    /// <inheritdoc/>
    public ApiRange Api => SaslHandshakeRequest.Api;

    /// <inheritdoc/>
    public Task HandleAsync(KafkaCall call)
    {
        var request = SaslHandshakeRequest.Read(call.OpenBody());
        var isTaken = signIn.Mechanisms.Contains(request.Mechanism);
        var connection = call.Connection;
        connection.State(_ => new SaslConversation()).Mechanism = isTaken && call.Version > 0 ? request.Mechanism : null;
        if (isTaken && call.Version == 0)
            connection.TakeBareMessage(message => SignInAsync(connection, request.Mechanism, message));
        new SaslHandshakeAnswer(isTaken ? KafkaError.None : KafkaError.UnsupportedSaslMechanism, signIn.Mechanisms).Write(call.Answer);
        return Task.CompletedTask;
    }

    // It has no place for an error: the connection ends then.
    private async Task<bool> SignInAsync(ClientConnection connection, string mechanism, ReadOnlyMemory<byte> message)
    {
        try
        {
            connection.Principal = await signIn.SignInAsync(mechanism, message, (connection.Remote as IPEndPoint)?.Address, connection.Closed);
            return true;
        }
        catch (StreamException)
        {
            return false;
        }
    }
}
