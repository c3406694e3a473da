using System.Globalization;
using System.Text;
using OrleansStream.Comparison.Driving;

namespace OrleansStream.Comparison.Protocols;

/// <summary>Publishes to a JetStream stream; each message must be acknowledged with its sequence number.</summary>
internal sealed class NatsPublishExchange : Exchange
{
    private readonly RepeatedRequest _request;
    private readonly string _inbox;
    private readonly int _bytes;

    /// <summary>Prepares a publisher.</summary>
    /// <param name="subject">The stream's subject.</param>
    /// <param name="payload">The message.</param>
    /// <param name="number">Tells its inbox from those of other connections.</param>
    /// <param name="window">The most messages laid out in a row.</param>
    public NatsPublishExchange(string subject, ReadOnlySpan<byte> payload, int number, int window)
    {
        _inbox = string.Create(CultureInfo.InvariantCulture, $"_INBOX.{number}");
        _request = new RepeatedRequest(Publish(subject, _inbox, payload), window);
        _bytes = payload.Length;
    }

    /// <inheritdoc/>
    public override int RecordsPerRequest => 1;

    /// <inheritdoc/>
    public override long BytesPerRequest => _bytes;

    /// <inheritdoc/>
    public override ReadOnlyMemory<byte> Greeting => GreetingOf(_inbox);

    /// <inheritdoc/>
    public override int TakeGreeting(ReadOnlySpan<byte> received) => AfterPong(received);

    /// <inheritdoc/>
    public override ReadOnlyMemory<byte> NextRequests(int requestsMax, out int requests) => _request.Take(requestsMax, out requests);

    /// <inheritdoc/>
    public override int TakeAnswer(ReadOnlySpan<byte> received, out int records, out long bytes)
    {
        (records, bytes) = (1, _bytes);
        var skipped = 0;
        while (true)
        {
            switch (NatsReader.TryRead(received[skipped..], out var length, out var payload))
            {
                case NatsKind.Incomplete:
                    return 0;
                case NatsKind.Control or NatsKind.Ping:
                    // A run is shorter than the server's patience for an answer to its ping (two of two minutes).
                    skipped += length;
                    break;
                case NatsKind.Message when payload.IndexOf("\"seq\":"u8) > 0 && payload.IndexOf("\"error\""u8) < 0:
                    return skipped + length;
                default:
                    throw new UnexpectedAnswerException($"NATS answered {Encoding.UTF8.GetString(payload)}");
            }
        }
    }

    /// <summary>Connects and subscribes to an inbox; the server's PONG ends the greeting.</summary>
    /// <param name="inbox">The inbox.</param>
    public static byte[] GreetingOf(string inbox) => Encoding.ASCII.GetBytes(
        $"CONNECT {{\"verbose\":false,\"pedantic\":false,\"lang\":\"raw\",\"version\":\"1\"}}\r\nSUB {inbox} 1\r\nPING\r\n");

    /// <summary>The length of all up to the server's PONG.</summary>
    /// <param name="received">What has come so far.</param>
    /// <returns>0 when it has not come.</returns>
    public static int AfterPong(ReadOnlySpan<byte> received)
    {
        var at = received.IndexOf("PONG\r\n"u8);
        return at < 0 ? 0 : at + 6;
    }

    /// <summary>The bytes of a message that asks for an answer.</summary>
    /// <param name="subject">Its subject.</param>
    /// <param name="inbox">Where the answer goes.</param>
    /// <param name="payload">Its payload.</param>
    public static byte[] Publish(string subject, string inbox, ReadOnlySpan<byte> payload) =>
    [
        .. Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"PUB {subject} {inbox} {payload.Length}\r\n")),
        .. payload, .. "\r\n"u8,
    ];
}
