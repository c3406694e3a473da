using System.Net;
using OrleansStream.Gateway.Security;
using OrleansStream.Kafka.Wire;

namespace OrleansStream.Kafka.Calls;

/// <summary>One request and its answer. Its memory is the call's until it is disposed.</summary>
/// <param name="connection">The connection that it came on.</param>
/// <param name="header">What it begins with.</param>
/// <param name="clientId">The client's id; null when it gives none.</param>
/// <param name="frame">Its bytes.</param>
/// <param name="bodyPosition">Where its body begins in them.</param>
/// <param name="isFlexible">Whether its version is a flexible one.</param>
internal sealed class KafkaCall(
    ClientConnection connection, RequestHeader header, string? clientId, RequestFrame frame, int bodyPosition, bool isFlexible)
    : IDisposable
{
    private IDisposable? _held;

    /// <summary>The connection that it came on.</summary>
    public ClientConnection Connection => connection;

    /// <summary>The API.</summary>
    public ApiKey Key => header.Key;

    /// <summary>The version, which is one that is served, unless <see cref="IsVersionServed"/> says otherwise.</summary>
    public short Version => header.Version;

    /// <summary>False for a request for <see cref="ApiKey.ApiVersions"/> of an unknown version, which is all that is known of it.</summary>
    public bool IsVersionServed { get; init; } = true;

    /// <summary>The client's id, which anybody may choose; null when it gives none.</summary>
    public string? ClientId => clientId;

    /// <summary>On whose behalf it is.</summary>
    public Caller Caller { get; } = new(connection.Principal, (connection.Remote as IPEndPoint)?.Address, clientId, Enum.GetName(header.Key));

    /// <summary>The length of the request in bytes.</summary>
    public int LengthBytes => frame.Memory.Length;

    /// <summary>Cancelled when nobody waits for the answer any more.</summary>
    public CancellationToken Closed => connection.Closed;

    /// <summary>The answer. Its header is written; what the handler writes follows it.</summary>
    public WireWriter Answer { get; } = new() { IsFlexible = isFlexible };

    /// <summary>True when the client waits for no answer: none is sent.</summary>
    public bool IsUnanswered { get; set; }

    /// <summary>True to close the connection behind the answer.</summary>
    public bool ClosesConnection { get; set; }

    /// <summary>How long the client is told to wait before its next request.</summary>
    public TimeSpan ThrottleTime { get; set; }

    /// <summary>Keeps something until the answer is sent.</summary>
    /// <param name="held">Disposed then.</param>
    public void Hold(IDisposable held) => _held = held;

    /// <summary>Something may go on reading the request's bytes when the call has ended: they are not used again.</summary>
    public void KeepFrame() => frame.Keep();

    /// <summary>Bytes of the request, to be changed: they are the call's alone.</summary>
    /// <param name="bytes">What a reader of <see cref="OpenBody"/> gave out.</param>
    public Memory<byte> Own(ReadOnlyMemory<byte> bytes) => frame.Own(bytes);

    /// <summary>Reads the request's body from its start.</summary>
    public WireReader OpenBody() => new(frame.Memory[bodyPosition..], isFlexible);

    /// <summary>Writes the answer's header.</summary>
    /// <param name="hasTags">Whether tagged fields follow: in flexible versions, but for those of <see cref="ApiKey.ApiVersions"/>.</param>
    public void BeginAnswer(bool hasTags)
    {
        Answer.WriteInt32(header.CorrelationId);
        if (hasTags)
            Answer.WriteNoTags();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Answer.Dispose();
        _held?.Dispose();
        frame.Dispose();
    }
}
