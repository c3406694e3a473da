using Microsoft.OpenApi;
using OrleansStream.Rest.Access;
using OrleansStream.Rest.Cluster;
using OrleansStream.Rest.Fetch;
using OrleansStream.Rest.Groups;
using OrleansStream.Rest.Health;
using OrleansStream.Rest.Http;
using OrleansStream.Rest.Produce;
using OrleansStream.Rest.Topics;

namespace OrleansStream.Rest.OpenApi;

/// <summary>
/// The operations in the order a newcomer needs them: whoever executes the examples from the top of the page to its end finds the topic,
/// the records and the group there, and what deletes comes last.
/// </summary>
internal static class Journey
{
    /// <summary>
    /// The field of an operation that has its place. The document keeps the operations of a path together, and a topic's path comes first
    /// and has its deletion: thus the page sorts by this.
    /// </summary>
    public const string OrderField = "x-order";

    /// <summary>The sections of the page, in order.</summary>
    public static readonly IReadOnlyList<OpenApiTag> Sections =
    [
        Section("Topics", "Create, look at and change topics."),
        Section("Produce", "Append records."),
        Section("Fetch", "Read records by offset, by time, or live."),
        Section("Groups", "Share a topic's partitions between consumers."),
        Section("Retries", "What becomes of records that a group's members could not work on."),
        Section("Cluster", "The servers, and what they cost."),
        Section("Access", "Who may do what: API keys and rights."),
        Section("Health", "For supervisors and load balancers."),
        Section("Deletion", "Delete records, groups and topics. In this page it comes last, so that all else finds what it needs."),
    ];

    private static readonly Operation[] Steps =
    [
        TopicOperations.Put, TopicOperations.List, TopicOperations.Get, TopicOperations.Patch, TopicOperations.Partitions, TopicOperations.Load,
        ProduceOperations.Topic, ProduceOperations.Partition, ProduceOperations.Producer,
        FetchOperations.Fetch, FetchOperations.Tail,
        GroupOperations.Poll, GroupOperations.List, GroupOperations.Get, GroupOffsetOperations.Lag,
        GroupOffsetOperations.Put, GroupOffsetOperations.Get, GroupOffsetOperations.Reset, GroupOperations.Leave,
        GroupRetryOperations.Put, GroupRetryOperations.Redrive, GroupRetryOperations.GetRedrive, GroupRetryOperations.StopRedrive,
        ClusterEndpoints.Get,
        RightEndpoints.Put, RightEndpoints.List, RightEndpoints.Delete, KeyEndpoints.Put, KeyEndpoints.List, KeyEndpoints.Delete,
        CallerEndpoints.Get, TicketEndpoints.Post,
        HealthEndpoints.Live, HealthEndpoints.Ready,
        TopicOperations.DeleteRecords, GroupOperations.Delete, TopicOperations.Delete,
    ];

    /// <summary>An operation's place, from 1.</summary>
    /// <param name="operation">The operation; null for what is none.</param>
    /// <exception cref="InvalidOperationException">The operation has no place yet: give it one above.</exception>
    public static int PlaceOf(Operation? operation)
    {
        if (operation is null)
            return 0;
        var place = Array.IndexOf(Steps, operation) + 1;
        return place > 0 ? place : throw new InvalidOperationException($"The operation '{operation.Id}' has no place in the journey.");
    }

    private static OpenApiTag Section(string name, string description) => new() { Name = name, Description = description };
}
