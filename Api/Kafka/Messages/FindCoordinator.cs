using OrleansStream.Kafka.Errors;
using OrleansStream.Kafka.Wire;

namespace OrleansStream.Kafka.Messages;

/// <summary>A request of FindCoordinator, versions 0 to 4: which broker coordinates a group.</summary>
/// <param name="Keys">The names of the groups, or whatever else is asked for; exactly one before version 4.</param>
/// <remarks>Version 1 adds the type of the key, 4 asks for several; 3 is the first flexible one.</remarks>
internal readonly record struct FindCoordinatorRequest(string[] Keys)
{
    /// <summary>The versions.</summary>
    public static readonly ApiRange Api = new(ApiKey.FindCoordinator, Min: 0, Max: 4, FirstFlexible: 3);

    /// <summary>Reads a request.</summary>
    /// <param name="reader">Reads the body.</param>
    /// <param name="version">The request's version, which decides the fields of its body.</param>
    public static FindCoordinatorRequest Read(WireReader reader, short version)
    {
        string[] keys = version < 4 ? [reader.ReadString()] : [];
        if (version >= 1)
            reader.ReadInt8(); // key_type
        if (version >= 4)
            keys = reader.ReadStringArray();
        reader.SkipTags();
        return new FindCoordinatorRequest(keys);
    }
}

/// <summary>The answer to FindCoordinator.</summary>
/// <param name="Request">The request.</param>
/// <param name="Brokers">A broker for each key, in the request's order.</param>
internal readonly record struct FindCoordinatorAnswer(FindCoordinatorRequest Request, MetadataBroker[] Brokers)
{
    /// <summary>Writes it.</summary>
    /// <param name="answer">Takes the bytes of the answer.</param>
    /// <param name="version">The request's version.</param>
    public void Write(WireWriter answer, short version)
    {
        if (version >= 1)
            answer.WriteThrottleTime();
        if (version < 4)
        {
            WriteError(answer, version);
            WriteBroker(answer, Brokers[0]);
        }
        else
        {
            answer.WriteArrayLength(Request.Keys.Length);
            for (var i = 0; i < Brokers.Length; i++)
            {
                answer.WriteString(Request.Keys[i]);
                WriteBroker(answer, Brokers[i]);
                WriteError(answer, version);
                answer.WriteNoTags();
            }
        }

        answer.WriteNoTags();
    }

    private static void WriteError(WireWriter answer, short version)
    {
        answer.WriteErrorCode((short)KafkaError.None);
        if (version >= 1)
            answer.WriteString(null); // error_message
    }

    private static void WriteBroker(WireWriter answer, in MetadataBroker broker)
    {
        answer.WriteInt32(broker.NodeId);
        answer.WriteString(broker.Host);
        answer.WriteInt32(broker.Port);
    }
}
