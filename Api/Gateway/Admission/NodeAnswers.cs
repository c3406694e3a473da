namespace OrleansStream.Gateway.Admission;

/// <summary>
/// The memory that the answers of this process take while they are written: the batches that were read for them, and their decompressed records. A
/// slow reader holds its share for as long as it reads.
/// </summary>
/// <remarks>One answer gets at most a part of what is free, so that those that hold much leave room for those that need little.</remarks>
/// <param name="time">Times waits for memory, and the rate at which it becomes free.</param>
/// <param name="bytesMax">The most bytes.</param>
public sealed class NodeAnswers(TimeProvider time, long bytesMax = AdmissionLimits.AnswerBytesInFlightMax)
    : NodeLoad(time, bytesMax, AdmissionLimits.AnswerPartOfFree);
