namespace OrleansStream.Comparison.Driving;

/// <summary>A producer and a consumer of one partition, by which a record's way is timed. Used by one thread.</summary>
internal interface IDoor : IDisposable
{
    /// <summary>How records come in and go out.</summary>
    string Name { get; }

    /// <summary>Sends a record.</summary>
    void BeginProduce();

    /// <summary>Waits until it is durable.</summary>
    /// <returns>Its offset.</returns>
    long EndProduce();

    /// <summary>Waits for the next record without keeping this thread.</summary>
    /// <param name="offset">The offset that it will have.</param>
    void BeginConsume(long offset);

    /// <summary>Waits until it is here.</summary>
    /// <returns>Its offset.</returns>
    long EndConsume();

    /// <summary>Sends a record and waits until it is durable.</summary>
    /// <returns>Its offset.</returns>
    long Produce()
    {
        BeginProduce();
        return EndProduce();
    }

    /// <summary>Waits until the sent record is durable, and checks that it has the next offset.</summary>
    /// <param name="offset">The offset.</param>
    /// <exception cref="UnexpectedAnswerException">It has another one.</exception>
    void EndProduce(long offset) => Require(EndProduce(), offset, "producer");

    /// <summary>Waits until the next record is here, and has the offset that is next.</summary>
    /// <param name="offset">The offset.</param>
    /// <exception cref="UnexpectedAnswerException">It has another one.</exception>
    void EndConsume(long offset) => Require(EndConsume(), offset, "consumer");

    private static void Require(long given, long offset, string who)
    {
        if (given != offset)
            throw new UnexpectedAnswerException($"The {who} was given offset {given} in place of {offset}.");
    }
}
