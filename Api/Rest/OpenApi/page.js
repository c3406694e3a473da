// What Swagger UI would get wrong with this API's document.
const OrleansStreamPage = () => ({
  statePlugins: {
    spec: {
      wrapSelectors: {
        // A path's operations stand together in the document; on the page they come in the order of the journey.
        taggedOperations: original => (state, ...args) => original(state, ...args).map(section =>
          section.update('operations', operations => operations.sortBy(one => one.getIn(['operation', 'x-order'])))),
      },
    },
  },
  // The body of a media type with "json" in its name is shown as one JSON text; lines of JSON are text as they stand.
  afterLoad() {
    const original = this.fn.getSampleSchema;
    this.fn.getSampleSchema = (schema, contentType, config, example) =>
      contentType === 'application/x-ndjson' && typeof example === 'string' ? example : original(schema, contentType, config, example);
  },
});
